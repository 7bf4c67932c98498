"""What the Snakefile asks of the package: the plan of a configuration, or a message and exit code 2."""

import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from cotdepth import spec
from cotdepth.config import ConfigError, check_config
from cotdepth.config_files import read_config_file
from cotdepth.plan import Plan
from cotdepth.resources import growing, job_needs
from cotdepth.room import shortage
from cotdepth.run_locks import hold, is_under_way


def require_config_files(paths: list[str]) -> None:
    """Exit with code 2 and one line if one of the files that a configuration was made of says what `read_config_file` refuses.

    Snakemake's own reading is more lenient: of a key that is given twice it keeps the last.
    """
    try:
        for path in paths:
            read_config_file(path)
    except ConfigError as error:
        _stop(str(error))


def load_plan(checkout: Path, config: dict) -> Plan:
    """The plan of a configuration, checked against the schema and the table of stages of a checkout.

    Exits with code 2 and one line for each fault if the configuration is faulty, or if the installed package is not the
    one of this checkout.
    """
    if not spec.PACKAGE.is_relative_to(checkout.resolve()):
        _stop(f"cotdepth is installed from {spec.PACKAGE.parent}, not from this folder; run `pip install -e .` here")
    schema, table = (yaml.safe_load((checkout / "workflow" / name).read_text(encoding="utf-8"))
                     for name in ("schemas/config.schema.yaml", "stages.yaml"))  # fmt: skip
    try:
        return Plan(check_config(config, schema), table, checkout / "scripts")
    except ConfigError as error:
        _stop(*(f"config: {line}" for line in str(error).splitlines()))


def load_needs(checkout: Path, plan: Plan) -> Callable[[str], dict]:
    """What a job of a rule asks a cluster for, as a function of the rule's name that gives Snakemake's resources.

    Exits with code 2 and one line if the configuration names a rule that does not exist.
    """
    table = yaml.safe_load((checkout / "workflow" / "resources.yaml").read_text(encoding="utf-8"))
    rules = {script.stem for script in (checkout / "scripts").glob("*.py")}
    try:
        needs = job_needs(table, plan.resources, rules)
    except ConfigError as error:
        _stop(f"config: {error}")
    return lambda rule: growing(needs[rule], plan.device)


def write_stamps(plan: Plan) -> None:
    """Write the stamps of a plan; exits with code 2 and a message if they can't be made or written.

    While another run is under way, stamps that exist keep their content: when a job ends, Snakemake marks its output as
    newer than all its inputs, and a stamp that changed just before would pass as done.
    """
    try:
        kept = plan.write(replace=not is_under_way(Path.cwd(), plan.results))
    except ValueError as error:
        _stop(str(error))
    if kept:
        print(f"cotdepth: a run is under way here, so {kept} changed stamps wait for the next start (if it was killed: "
              "snakemake --unlock)", file=sys.stderr)  # fmt: skip


def hold_results(plan: Plan) -> None:
    """Until this process ends, others know that a run is under way; a line on stderr where the file system knows no locks."""
    try:
        hold(plan.results)
    except OSError as error:
        print(f"cotdepth: {plan.results}: cannot be locked ({error}); change nothing in the configuration or the code until this run "
              "ends, and start no other beside it", file=sys.stderr)  # fmt: skip


def require_unlimited_arrays(settings, jobs: int) -> None:
    """Exit with code 2 and a message if jobs are to be submitted as arrays and limited: SLURM's executor loses some then.

    Parameters
    ----------
    settings : object
        Of Snakemake's executor; others than SLURM's have no ``array_jobs``.
    jobs : int
        How many may run at a time, as ``--jobs``.
    """
    if getattr(settings, "array_jobs", None) and jobs < sys.maxsize:
        _stop(f"jobs = {jobs}: must be unlimited where slurm-array-jobs is set; leave one of the two out (profiles/slurm/config.yaml)")


def warn_of_full_disk(plan: Plan) -> None:
    """After a failed run: say so if there is hardly any room for results, since then logs may be empty."""
    said = shortage(plan.results)
    if said:
        print(f"cotdepth: No space left for {plan.results}: {said}; make room and run snakemake again, what is done is kept",
              file=sys.stderr)  # fmt: skip


def _stop(*lines):
    print(*(f"cotdepth: {line}" for line in lines), sep="\n", file=sys.stderr)
    raise SystemExit(2)
