"""GPUs for jobs: each job takes one that no other holds, among those that it may see. No GPU is needed to test it."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from cotdepth import devices, gpu_locks
from cotdepth.gpu_locks import take_gpu, visible_gpus
from cotdepth.job import DEVICES

HOLD = """
import sys
from pathlib import Path
from types import SimpleNamespace
from cotdepth import gpu_locks
gpu_locks.BETWEEN_LOOKS = 0.05
say = lambda line: print(line, flush=True)
names = gpu_locks.visible_gpus([SimpleNamespace(uuid=uuid) for uuid in sys.argv[2:]])
say(gpu_locks.take_gpu(names, Path(sys.argv[1]), waiting=say))
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Start a job that takes one of the GPUs of these UUIDs, says which, and holds it until it is killed."""
    started = []

    def begin(*uuids, of="0"):
        command, environment = [sys.executable, "-c", HOLD, str(tmp_path), *uuids], os.environ | {"CUDA_VISIBLE_DEVICES": of}
        started.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def fresh(monkeypatch):
    """As in a process that holds no GPU yet."""
    monkeypatch.setattr(gpu_locks, "_held", {})


def said(process):
    return process.stdout.readline().strip()


def test_jobs_take_different_gpus_and_one_too_many_waits_until_a_job_ends_however_it_ends(start):
    first, second = start("a", "b"), start("a", "b")
    assert {said(first), said(second)} == {"0", "1"}
    third = start("a", "b")
    assert said(third) == "waiting for a GPU: other jobs hold GPU-a, GPU-b"
    second.kill()
    second.wait()
    assert said(third) in ("0", "1")


def test_a_job_takes_a_gpu_that_it_may_see_though_another_is_free(start):
    assert said(start("a", "b")) == "0"
    blind = start("a")
    assert said(blind) == "waiting for a GPU: other jobs hold GPU-a"
    assert said(start("b", "a")) == "0"   # named in another order


def test_a_process_keeps_the_gpu_that_it_has(tmp_path, fresh):
    assert take_gpu(["3", "5"], tmp_path) == 0
    assert take_gpu(["5", "3"], tmp_path) == 1


def test_the_name_of_a_gpu_stays_inside_the_folder(tmp_path, fresh):
    folder = tmp_path / "locks"
    folder.mkdir()
    assert take_gpu(["MIG-GPU-a/../../1/0"], folder) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]


def gpus(*uuids):
    return [SimpleNamespace(uuid=uuid) for uuid in uuids]


@pytest.mark.parametrize("value, uuids, names", [
    (None, "ab", ["GPU-a", "GPU-b"]), ("3,1", "ab", ["GPU-a", "GPU-b"]), ("GPU-a", "a", ["GPU-a"]), ("2,-1,0", "a", ["GPU-a"]),
    ("", "a", ["GPU-a"]), ("1", "", []), (" MIG-7 ", "a", ["MIG-7"]), ("MIG-7,MIG-8", "a", ["MIG-7"]),
    ("MIG-GPU-a/1/0", "a", ["MIG-GPU-a/1/0"]),
])  # fmt: skip
def test_gpus_are_called_what_they_are_and_parts_of_them_as_cuda_visible_devices_calls_them(value, uuids, names, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_gpus(gpus(*uuids)) == names


def test_jobs_that_a_cluster_gives_different_gpus_called_0_do_not_wait_for_each_other(start, monkeypatch):
    assert said(start("a", of="0")) == "0"
    assert said(start("b", of="0")) == "0"
    assert said(start("a", of="0")) == "waiting for a GPU: other jobs hold GPU-a"
    assert said(start("b", "a", of="1,0")) == "waiting for a GPU: other jobs hold GPU-b, GPU-a"   # one GPU by another number


@pytest.mark.parametrize("spoil", [
    lambda folder: folder.symlink_to(folder.parent), lambda folder: folder.mkdir() or folder.chmod(0o777)
], ids=["a link", "open to all"])  # fmt: skip
def test_a_lock_folder_that_others_could_have_made_is_refused(spoil, tmp_path, monkeypatch, fresh):
    monkeypatch.setattr(gpu_locks.tempfile, "gettempdir", lambda: str(tmp_path))
    spoil(tmp_path / f"cotdepth-gpus-{gpu_locks.os.getuid()}")
    with pytest.raises(PermissionError, match="must be a folder of yours alone"):
        take_gpu(["0"])


def test_training_runs_on_the_gpu_that_was_taken_and_the_log_says_which(tmp_path, monkeypatch, fresh, capsys, start):
    """Two GPUs that are not there, the first of them held by another job."""
    monkeypatch.setattr(gpu_locks, "_own_folder", lambda: tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    chosen = []
    for name, fake in {"is_available": lambda: True, "device_count": lambda: 2, "set_device": chosen.append,
                       "get_device_properties": gpus("c", "a").__getitem__,
                       "get_device_name": lambda: "Some GPU"}.items():  # fmt: skip
        monkeypatch.setattr(devices.torch.cuda, name, fake)
    assert said(start("c")) == "0"
    assert devices.chosen_device("cpu") == "cpu" and not chosen
    assert devices.chosen_device("auto") == "cuda" and chosen == [1]
    assert capsys.readouterr().out.splitlines() == ["device: cpu", "device: cuda, Some GPU, GPU-a, of GPU-c, GPU-a"]


def test_jobs_and_the_configuration_know_the_same_devices():
    schema = Path(__file__).resolve().parents[2] / "workflow" / "schemas" / "config.schema.yaml"
    assert list(DEVICES) == yaml.safe_load(schema.read_text(encoding="utf-8"))["properties"]["device"]["enum"]
