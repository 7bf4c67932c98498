"""The profile for any cluster, against stand-ins for its commands: what they are asked for, and that a failed job is submitted again."""

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROFILE = Path(__file__).resolve().parents[2] / "profiles" / "cluster-generic"

# Runs the job in the background; its id is the number of its submission.
QSUB = """\
#!/bin/sh
echo "$@" >>'{folder}/submitted'
for script; do :; done
id=$(wc -l <'{folder}/submitted')
export PBS_O_WORKDIR="$PWD" PBS_JOBID=$id
(sh "$script" >/dev/null 2>&1; echo "    Exit_status = $?" >'{folder}/ended.'$id) >/dev/null 2>&1 &
echo $id
"""

# A server without a history of jobs: it forgets them as they end.
QSTAT = """\
#!/bin/sh
if [ "$1" = -x ]; then echo 'qstat: job_history_enable is set to false' >&2; exit 1; fi
if [ -e '{folder}/ended.'"$2" ]; then echo "qstat: Unknown Job Id $2" >&2; exit 153; else echo '    job_state = R'; fi
"""

# Stands in for python where jobs start: the first job fails.
FAILING = """\
#!/bin/sh
mkdir '{folder}/failed' 2>/dev/null && exit 1
exec {python} "$@"
"""


@pytest.mark.skipif(not find_spec("snakemake_executor_plugin_cluster_generic"),
                    reason="Snakemake's executor for any cluster is not here: pip install -e .[cluster]")  # fmt: skip
def test_a_failed_job_is_submitted_again_with_more_memory_and_time(checkout, tmp_path):
    before, artifact = checkout.products(), checkout.artifact("theory", "covarianceeasy", "test-time-scaling")
    (tmp_path / "bin").mkdir()
    for name, text in {"qsub": QSUB, "qstat": QSTAT, "python": FAILING}.items():
        (tmp_path / "bin" / name).write_text(text.format(folder=tmp_path, python=shlex.quote(sys.executable)))
        (tmp_path / "bin" / name).chmod(0o755)
    artifact.unlink()
    checkout.run("--profile", "profiles/cluster-generic", "--seconds-between-status-checks", "1", "--latency-wait", "20",
                 "--", artifact.relative_to(checkout.folder), first_in_path=tmp_path / "bin")  # fmt: skip
    assert checkout.products() == before
    asked = [line.partition(" -l ")[2].rpartition(" ")[0] for line in (tmp_path / "submitted").read_text().splitlines()]
    assert asked == ["select=1:ncpus=1:ngpus=0:mem=2000mb -l walltime=0:20:0", "select=1:ncpus=1:ngpus=0:mem=4000mb -l walltime=0:40:0"]
    assert [(tmp_path / f"ended.{job}").read_text().split()[-1] for job in (1, 2)] == ["1", "0"]


@pytest.mark.parametrize("qstat, left, status", [
    ("echo 'job_state = R'", None, "running"),
    ("echo 'job_state = R'", "0", "running"),
    ("echo 'job_state = F'; echo 'Exit_status = 0'", None, "success"),
    ("echo 'job_state = F'; echo 'Exit_status = 271'", None, "failed"),
    ("echo 'qstat: Unknown Job Id 7.server' >&2; exit 153", "0", "success"),
    ("echo 'qstat: Unknown Job Id 7.server' >&2; exit 153", "1", "failed"),
    ("echo 'qstat: Unknown Job Id 7.server' >&2; exit 153", None, "failed"),
    ("echo 'qstat: cannot connect to server' >&2; exit 111", "0", "running"),
    ("exit 1", None, "running"),
])  # fmt: skip
def test_what_has_become_of_a_job(tmp_path, qstat, left, status):
    """``left`` is the exit code that the job script left, if it came to its end."""
    (tmp_path / "qstat").write_text(f"#!/bin/sh\n{qstat}\n")
    (tmp_path / "qstat").chmod(0o755)
    if left:
        (tmp_path / ".snakemake" / "ended").mkdir(parents=True)
        (tmp_path / ".snakemake" / "ended" / "7.server").write_text(left)
    asked = subprocess.run([PROFILE / "status", "7.server"], cwd=tmp_path, env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert asked.stdout == f"{status}\n"
