"""The real Snakefile and scripts, in copies of the project: one finished run is made once and copied for every test."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from project_copy import PROJECT, copy_project
from runs import kill_all_in

from cotdepth.config import check_config
from cotdepth.plan import Plan

CONFIG = PROJECT / "tests" / "data" / "tiny.yaml"


class Checkout:
    """A copy of the project in a folder of its own, with its results."""

    def __init__(self, folder: Path):
        self.folder, self.results = folder, folder / "results"

    def start(self, *command, first_in_path=None, **settings) -> subprocess.Popen:
        """A command of this checkout's package: ``python *command``, its output and input piped."""
        path = os.pathsep.join([*([str(first_in_path)] if first_in_path else []), os.path.dirname(sys.executable), os.environ["PATH"]])
        own = {"PATH": path, "PYTHONPATH": str(self.folder / "pkg")}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE", "PYTHON"))}
        return subprocess.Popen([sys.executable, *map(str, command)], cwd=self.folder, env=inherited | own, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)  # fmt: skip

    def end(self) -> None:
        """Kill all that still runs in this checkout."""
        kill_all_in(self.folder)

    def python(self, *command, **settings) -> subprocess.CompletedProcess:
        """The same, run to its end."""
        process = self.start(*command, **settings)
        try:
            stdout, stderr = process.communicate(timeout=900)   # a whole run beside other work
        except BaseException:
            self.end()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def snakemake(self, *arguments, **settings) -> subprocess.CompletedProcess:
        """``snakemake *arguments``, whatever comes of it."""
        promptly = ["--max-jobs-per-timespan", "1000/1s"]   # a run that had jobs ends up to this span after the last of them
        return self.python("-m", "snakemake", *promptly, *arguments, **settings)

    def run(self, *arguments, **settings) -> None:
        """``snakemake *arguments``, which must succeed."""
        done = self.snakemake(*arguments, **settings)
        assert done.returncode == 0, done.stdout + done.stderr

    def dry_run(self, *arguments, judging=False) -> dict[str, list[str]]:
        """Which jobs a run would make: for each rule (named as its script) what they write, without the suffix, sorted.

        Without those that judge claims and the agreement table, unless asked for: nearly everything leads to them.
        """
        done = self.snakemake("-n", "-p", *arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        jobs = re.findall(r"python scripts/(\w+)\.py .*--out ([^ \n]+)", said)
        total = re.search(r"^total +(\d+)$", said, re.MULTILINE)
        assert len(jobs) == int(total[1]) - 1 if total else "Nothing to be done" in said, said   # one of them is the rule all
        jobs = [(rule, made) for rule, made in jobs if judging or "claims" not in rule and rule != "agreement"]
        return {rule: sorted(Path(made).stem for other, made in jobs if other == rule) for rule, _ in sorted(jobs)}

    def rules(self, *arguments, judging=False) -> dict[str, int]:
        """How many jobs of each rule a run would make."""
        return {rule: len(made) for rule, made in self.dry_run(*arguments, judging=judging).items()}

    def cotdepth(self, *arguments) -> subprocess.CompletedProcess:
        """The command ``cotdepth``, of this checkout."""
        return self.python("-c", "import sys; from cotdepth.cli import main; sys.exit(main())", *arguments)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the one occurrence of a text in a file."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path}: {text.count(old)} times {old!r}"
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def configure(self, block: str, old: str, new: str) -> None:
        """Replace the one occurrence of a text in a block of the configuration, as in ``experiments.phase-diagram``."""
        text = (self.folder / "config.yaml").read_text(encoding="utf-8")
        node = yaml.compose(text)
        for name in block.split("."):
            [node] = [value for key, value in node.value if key.value == name]
        start, end = node.start_mark.index, node.end_mark.index
        inside = text[start:end]
        assert inside.count(old) == 1, f"{block}: {inside.count(old)} times {old!r}"
        (self.folder / "config.yaml").write_text(text[:start] + inside.replace(old, new) + text[end:], encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        """Add a text to the end of a file."""
        with open(self.folder / path, "a", encoding="utf-8") as file:
            file.write(text)

    def forget(self) -> None:
        """Delete all that Snakemake remembers."""
        shutil.rmtree(self.folder / ".snakemake")

    def plan(self) -> Plan:
        """The plan of the configuration, with results relative to the folder of the checkout."""
        config, schema, table = (yaml.safe_load((self.folder / path).read_text(encoding="utf-8"))
                                 for path in ("config.yaml", "workflow/schemas/config.schema.yaml", "workflow/stages.yaml"))  # fmt: skip
        return Plan(check_config(config, schema), table, self.folder / "scripts")

    def planned_products(self) -> set[str]:
        """Every artifact and figure that the configuration asks for, by path in the results folder."""
        plan = self.plan()
        figures = {f"figures/{name}.{kind}" for name in plan.figures for kind in ("png", "pdf")} | ({"claims.nc"} if plan.claims else set())
        return figures | {str(Path(path).relative_to(plan.results)) for path in plan.all_artifacts()}

    def artifact(self, stage: str, cell: str, experiment: str = "theory-validation") -> Path:
        """The one artifact of a stage whose cell name begins so."""
        [path] = (self.results / experiment / stage).glob(f"{cell}-????????.nc")
        return path

    def products(self) -> dict[str, bytes]:
        """Bytes of every artifact and figure, by path in the results folder."""
        return {name: content for name, (content, _) in self.files().items() if Path(name).suffix in (".nc", ".png", ".pdf")}

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Bytes and time of every file of the results but logs and benchmarks, by path in the results folder."""
        names = [path.relative_to(self.results) for path in self.results.rglob("*") if path.is_file()]
        paths = {str(name): self.results / name for name in names if name.parts[0] not in ("logs", "benchmarks")}
        return {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in paths.items()}


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Checkout:
    """A finished run, made once for all workers of the test session: copy it, do not touch it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    made = Checkout(shared / "finished-workflow")
    with open(shared / "finished-workflow.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made.folder / "finished").exists():
            shutil.rmtree(made.folder, ignore_errors=True)
            copy_project(made.folder, CONFIG.read_text(encoding="utf-8"))
            made.run("--cores", "2")
            (made.folder / "finished").touch()
    return made


@pytest.fixture
def checkout(finished, tmp_path) -> Iterator[Checkout]:
    """A copy of the finished run, of the test's own; what Snakemake remembers is copied with it. No process outlives the test."""
    shutil.copytree(finished.folder, tmp_path / "checkout")
    copy = Checkout(tmp_path / "checkout")
    yield copy
    copy.end()


@pytest.fixture
def unrun(tmp_path) -> Iterator[Checkout]:
    """A copy of the project with its own configuration, without results. No process outlives the test."""
    copy_project(tmp_path / "checkout", (PROJECT / "config.yaml").read_text(encoding="utf-8"))
    copy = Checkout(tmp_path / "checkout")
    yield copy
    copy.end()
