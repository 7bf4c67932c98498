"""A throw-away SLURM cluster of one node: no systemd, no cgroups, no accounts; it writes in its own folder and listens on 127.0.0.1.

By hand: ``python tests/workflow/slurm_local.py snakemake --profile profiles/slurm --slurm-status-command squeue ...``
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1   # of linux/prctl.h
LIBC = ctypes.CDLL(None)
PATIENCE, NO_ANSWER = 120, 10   # seconds until something must hold, and until a command is asked again

DAEMONS = ("munged", "slurmctld", "slurmd")
SNAKEMAKE_OPTIONS = ("--profile", "profiles/slurm", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2",
                     "--seconds-between-status-checks", "2", "--latency-wait", "20", "--max-status-checks-per-second", "1")  # fmt: skip
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])   # where Debian keeps daemons

CONFIGURATION = """\
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# a job that was requeued waits until the credential of its first start is void: seconds here, two minutes by default
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=3600
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=0
ReturnToService=2
# the memory below is more than the tests ask for, whatever this machine has: processors alone say how many jobs run at once
SlurmdParameters=config_overrides
KillWait=5
MpiDefault=none
MailProg=/bin/true
PropagateResourceLimits=NONE
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=64000 Gres=gpu:1 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Programs of SLURM that are not installed."""
    return [program for program in (*DAEMONS, "sbatch", "srun", "squeue", "scontrol") if not shutil.which(program, path=PATH)]


class LocalSlurm:
    """The cluster, from `start` to `stop`.

    Attributes
    ----------
    configuration : Path
        What ``SLURM_CONF`` must name.
    programs : Path
        A folder that must come first in ``PATH``: Snakemake's job steps forget ``SLURM_CONF``, and its ``srun`` does not; and the
        executor must find no ``sacct``, to which it would turn for good from a controller that does not answer.
    """

    def __init__(self, folder: Path):
        self._folder, self._daemons = folder, {}
        self.configuration, self.programs = folder / "slurm.conf", folder / "bin"

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        self._configure()
        for name in DAEMONS:
            self.revive(name)

    def kill(self, name: str) -> None:
        """SIGKILL to one of `DAEMONS`; the others and the jobs stay."""
        self._daemons[name].kill()
        self._daemons.pop(name).wait()

    def end(self, name: str) -> None:
        """End one of `DAEMONS` as an administrator does; the controller then knows afterwards what it knew before."""
        _end(self._daemons.pop(name))

    def forget(self) -> None:
        """SIGKILL to the controller, which loses what it has saved: once revived it knows no job, and its node ends those that run."""
        self.kill("slurmctld")
        shutil.rmtree(self._folder / "state")
        (self._folder / "state").mkdir()

    def forgot(self, jobs: list[str]) -> bool:
        """Whether the queue is empty and the controller does not know one of these jobs, not even as ended."""
        queued = self.ask("squeue", "--noheader")
        empty = queued.returncode == 0 and not queued.stdout
        return empty and any("Invalid job id" in self.ask("scontrol", "show", "job", job).stderr for job in jobs)

    def revive(self, name: str) -> None:
        """Start one of `DAEMONS` and wait until it answers."""
        options = {"munged": ["--foreground", "--force", f"--socket={self._folder}/munge.socket", f"--key-file={self._folder}/munge.key",
                              f"--pid-file={self._folder}/munged.pid", f"--log-file={self._folder}/munged.log",
                              f"--seed-file={self._folder}/munged.seed"]}  # fmt: skip
        answers = {"munged": (self._folder / "munge.socket").exists, "slurmctld": self._controller_answers, "slurmd": self._node_answers}
        self._daemon(name, *options.get(name, ["-D", "-f", str(self.configuration)]))
        self._wait(answers[name], name)

    def stop(self) -> None:
        """Cancel all jobs and end the daemons; what does not end when asked to is killed."""
        try:
            self.ask("scancel", "--user", str(os.geteuid()))
            self._wait(self._no_jobs, "the end of all jobs")
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            print(f"slurm_local: the jobs are killed: {error}", file=sys.stderr)
        finally:
            for daemon in reversed(self._daemons.values()):
                _end(daemon)
            self._kill_strays()

    def ask(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess:
        """Run a command of SLURM."""
        settings = {**os.environ, "SLURM_CONF": str(self.configuration), "PATH": PATH}
        return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=timeout)

    def settings(self) -> dict[str, str]:
        """What a process needs in its environment to use this cluster."""
        return {"SLURM_CONF": str(self.configuration), "PATH": os.pathsep.join([str(self.programs), PATH])}

    def _controller_answers(self):
        return self.ask("scontrol", "ping", timeout=NO_ANSWER).returncode == 0

    def _node_answers(self):
        return self.ask("sinfo", "--noheader", "--format=%t", timeout=NO_ANSWER).stdout.strip() in ("idle", "mix", "alloc")

    def _no_jobs(self):
        asked = self.ask("squeue", "--noheader", "--states=running,completing", timeout=NO_ANSWER)
        return asked.returncode == 0 and not asked.stdout

    def _kill_strays(self):
        """SIGKILL to the jobs of a cluster that did not end them: all that was started with its configuration."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get("SLURM_CONF") == str(self.configuration):
                    process.kill()

    def _configure(self):
        for name in ("bin", "state", "spool"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "munge.key").write_bytes(os.urandom(1024))
        (self._folder / "munge.key").chmod(0o400)
        (self._folder / "gres.conf").write_text("AutoDetect=off\nName=gpu File=/dev/null\n")   # something to ask for
        (self.programs / "srun").write_text(f"#!/bin/sh\nSLURM_CONF='{self.configuration}' exec {shutil.which('srun', path=PATH)} \"$@\"\n")
        (self.programs / "which").write_text(f'#!/bin/sh\n[ "$1" != sacct ] && exec {shutil.which("which")} "$@"\n')
        for name in ("srun", "which"):
            (self.programs / name).chmod(0o755)
        values = {"host": socket.gethostname().partition(".")[0], "user": os.geteuid(), "folder": self._folder, "ports": _free_ports(2),
                  "cores": os.cpu_count()}  # fmt: skip
        self.configuration.write_text(CONFIGURATION.format(**values))

    def _daemon(self, name, *arguments):
        log = open(self._folder / f"{name}.out", "a")
        settings = {**os.environ, "SLURM_CONF": str(self.configuration), "PATH": PATH}
        self._daemons[name] = subprocess.Popen([shutil.which(name, path=PATH), *arguments], env=settings, stdin=subprocess.DEVNULL,
                                               stdout=log, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)  # fmt: skip
        log.close()

    def _wait(self, reached, what):
        """Until something holds; what the daemons said if it does not in time, or if one of them has ended."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and all(daemon.poll() is None for daemon in self._daemons.values()):
            with suppress(subprocess.TimeoutExpired):
                if reached():
                    return
            time.sleep(0.2)
        said = "\n".join(path.read_text(errors="replace")[-2000:] for path in self._folder.glob("*.out"))
        raise TimeoutError(f"waited for {what}:\n{said}")


@contextmanager
def running():
    """A cluster, in a folder whose name is short enough for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        cluster = LocalSlurm(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _die_with_parent():
    """A daemon ends when this process does, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(daemon):
    daemon.terminate()
    try:
        daemon.wait(timeout=30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _free_ports(count):
    """Ports of 127.0.0.1 that nothing uses."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    with running() as slurm:
        raise SystemExit(subprocess.run(sys.argv[1:], env=os.environ | slurm.settings()).returncode)
