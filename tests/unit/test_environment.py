"""One list of dependencies: conda users, pip users and the lock file get the same packages."""

import platform
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((CHECKOUT / "environment.yml").read_text(encoding="utf-8"))
LOCK = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8").splitlines()
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "snakemake": "snakemake-minimal"}
REQUIREMENTS = [Requirement(line) for line in PROJECT["dependencies"]]
OPTIONAL_REQUIREMENTS = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]


def conda_specs():
    """Name and version range of every conda dependency, as conda reads them."""
    specs = [rattler.MatchSpec(entry) for entry in CONDA["dependencies"] if isinstance(entry, str)]
    return {spec.name.normalized: str(spec.version) if spec.version else "" for spec in specs}


def pinned():
    """Name and version of every line of the lock file."""
    pairs = [line.split("==") for line in LOCK if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_conda_and_pip_install_the_same_packages_from_the_same_versions_on():
    wanted = {CONDA_NAMES.get(one.name, one.name): str(one.specifier) for one in REQUIREMENTS}
    assert {name: bound for name, bound in conda_specs().items() if name not in ("python", "pip")} == wanted


def test_conda_and_pip_need_the_same_python():
    assert conda_specs()["python"] == PROJECT["requires-python"]


def test_conda_installs_the_package_itself_and_leaves_nothing_else_to_pip():
    assert "pip" in conda_specs() and [entry for entry in CONDA["dependencies"] if isinstance(entry, dict)] == [
        {"pip": ["--editable ."]}
    ]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda one: one.name)
def test_every_dependency_has_a_lower_bound_and_no_other(requirement):
    assert [one.operator for one in requirement.specifier] == [">="]


@pytest.mark.parametrize("requirement", REQUIREMENTS + OPTIONAL_REQUIREMENTS, ids=lambda one: one.name)
def test_the_lock_pins_every_dependency_inside_its_range(requirement):
    assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)])


def test_the_lock_has_one_plain_pin_a_line():
    lines = [line for line in LOCK if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines) and len(pinned()) == len(lines)


def test_the_python_of_this_run_is_allowed():
    assert SpecifierSet(PROJECT["requires-python"]).contains(platform.python_version(), prereleases=True)


MACHINE = re.compile(r"(?<![\w.~:/}$-])/(?:home|root|Users|work|mnt)/\w|[+]cpu|[A-Z]:\\Users")


@pytest.mark.parametrize("text", ["cd " + "/ho" + "me/me/x", "torch==2.4+" + "cpu", '"/wo' + 'rk/main"'])
def test_names_of_a_machine_are_recognised(text):
    assert MACHINE.search(text)


def test_no_file_of_the_project_names_a_machine():
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    files = [CHECKOUT / name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()]
    texts = {path: path.read_bytes() for path in files}
    found = {str(path): line for path, text in texts.items() if b"\0" not in text
             for line in text.decode("utf-8").splitlines() if MACHINE.search(line)}  # fmt: skip
    assert len(files) > 30 and not found
