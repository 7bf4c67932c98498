"""``./run report``: both reports, in the folder that snakemake names, whatever the tools of the system; nothing after a dry run."""

import os
import shutil
import subprocess

import pytest
from small_results import CHECKOUT

SNAKEMAKE = """#!/bin/sh
echo "$@" >>called
case "$*" in *--summary*) printf 'output_file\\tdate\\tstatus\\n%s' "$SUMMARY" ;; esac
"""


@pytest.fixture
def run_report(tmp_path):
    """A function of the summary's lines and of arguments that gives the finished process and what snakemake was called with."""
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name in ("run", "pyproject.toml", "requirements.lock"):
        shutil.copy(CHECKOUT / name, tmp_path)
    for name, text in (("python", "#!/bin/sh\n"), ("snakemake", SNAKEMAKE)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    wanted = subprocess.run("cat pyproject.toml requirements.lock | cksum", shell=True, cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / ".venv" / "installed").write_bytes(wanted.stdout)

    def run(summary, *arguments):
        done = subprocess.run(["sh", "run", "report", *arguments], cwd=tmp_path, env=os.environ | {"SUMMARY": summary},
                              capture_output=True, text=True)  # fmt: skip
        return done, (tmp_path / "called").read_text().splitlines()

    return run


def test_the_second_report_lies_beside_the_first(run_report):
    done, called = run_report("results/my runs/report.html\t-\tok\n", "--cores", "1")
    assert called == ["report --cores 1", "report --summary --cores 1", "--report results/my runs/snakemake-report.html --cores 1"]
    assert done.returncode == 0 and "results/my runs/report.html and results/my runs/snakemake-report.html" in done.stderr


def test_it_stops_where_snakemake_names_no_page(run_report):
    done, called = run_report("")
    assert done.returncode == 2 and "run: the report was made, but" in done.stderr and called == ["report", "report --summary"]


@pytest.mark.parametrize("flag", ["-n", "-np", "-pn", "-nq", "--dry-run", "--dryrun"])
def test_after_a_dry_run_there_is_nothing_to_report(run_report, flag):
    done, called = run_report("results/report.html\t-\tok\n", flag)
    assert done.returncode == 0 and called == [f"report {flag}"]
