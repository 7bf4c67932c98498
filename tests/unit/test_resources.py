"""What jobs ask a cluster for, and the files beside the workflow that must keep step with its rules."""

import inspect
import re
from pathlib import Path

import pytest
import yaml

from cotdepth.config import ConfigError
from cotdepth.resources import growing, job_needs

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = yaml.safe_load((CHECKOUT / "workflow" / "resources.yaml").read_text(encoding="utf-8"))
RULE_FILES = {path.stem: path.read_text(encoding="utf-8") for path in (CHECKOUT / "workflow" / "rules").glob("*.smk")}
RULES = {rule: block for text in RULE_FILES.values() for rule, block in re.findall(r"(?m)^rule (\w+):\n((?:    .*\n|\n)+)", text)}
STAGE_RULES = {rule: block for rule, block in RULES.items() if not rule.startswith("figure_")}
SLURM = yaml.safe_load((CHECKOUT / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8"))


def test_a_rule_has_its_own_needs_those_of_the_configuration_and_else_the_default():
    table = {"default": {"mem_mb": 10, "runtime": 5}, "own": {"mem_mb": 20, "gpu": 1}}
    assert job_needs(table, {"asked": {"runtime": 7}, "own": {"runtime": 9}}, {"own", "asked", "other"}) == {
        "own": {"mem_mb": 20, "runtime": 9, "gpu": 1}, "asked": {"mem_mb": 10, "runtime": 7}, "other": {"mem_mb": 10, "runtime": 5}}


def test_needs_of_a_rule_that_is_not_there_are_refused_with_the_nearest_rule():
    with pytest.raises(ConfigError, match="resources.train_lsaa: no such rule; the nearest valid one is 'train_lsa'"):
        job_needs(TABLE, {"train_lsaa": {"mem_mb": 1}}, set(RULES))


def test_memory_and_time_grow_with_every_attempt_and_gpus_do_not():
    grown = growing({"mem_mb": 10, "runtime": 5, "gpu": 1}, "auto")
    assert [grown["mem_mb"](None, attempt) for attempt in (1, 2, 3)] == [10, 20, 30]
    assert grown["runtime"](None, 3) == 15 and grown["gpu"] == 1
    assert list(inspect.signature(grown["mem_mb"]).parameters) == ["wildcards", "attempt"]   # Snakemake goes by the names


def test_nothing_asks_for_a_gpu_that_is_told_to_use_the_cpu():
    assert "gpu" not in growing({"mem_mb": 10, "runtime": 5, "gpu": 1}, "cpu")


def test_the_table_and_the_paper_scale_name_rules_only_and_the_rules_with_a_device_may_have_a_gpu():
    paper = yaml.safe_load((CHECKOUT / "workflow" / "scales" / "paper.yaml").read_text(encoding="utf-8"))["resources"]
    needs = job_needs(TABLE, paper, set(RULES))
    assert TABLE.keys() - {"default"} <= needs.keys()
    assert {rule for rule in needs if "gpu" in needs[rule]} == {rule for rule, block in RULES.items() if "plan.device" in block}


@pytest.mark.parametrize("rule", STAGE_RULES)
def test_every_rule_of_a_stage_leaves_a_benchmark_beside_its_log(rule):
    [log] = re.findall(r'(?:{LOG}|{RESULTS}/logs)/(.*)\.log"', STAGE_RULES[rule])
    [benchmark] = re.findall(r'(?:{BENCHMARK}|{RESULTS}/benchmarks)/(.*)\.tsv"', STAGE_RULES[rule])
    assert log == benchmark


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_says_what_it_needs(rule):
    assert f'**needs("{rule}"),' in RULES[rule]


def test_jobs_are_submitted_as_arrays_where_nothing_limits_them():
    """Snakemake's executor loses jobs of such a rule where some of those that are ready may not run yet."""
    arrays = set(SLURM["slurm-array-jobs"].split(", "))
    ready_at_once = {rule for rule, block in STAGE_RULES.items() if "upstream(" not in block and "plan.device" not in block}
    assert arrays and arrays <= ready_at_once and len(SLURM["slurm-array-jobs"]) <= 255
    assert SLURM["jobs"] == "unlimited" and int(SLURM["max-jobs-per-timespan"].partition("/")[0]) >= 100000


def test_the_container_is_made_as_run_makes_its_environment():
    [installed] = re.findall(r"--constraint requirements.lock --editable '(.*)'", (CHECKOUT / "Containerfile").read_text(encoding="utf-8"))
    assert f"--editable '{installed}'" in (CHECKOUT / "run").read_text(encoding="utf-8")
