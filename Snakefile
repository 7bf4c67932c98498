# When does more thinking at test time help, and when does it hurt? Data -> train -> evaluate, and theory, for every
# experiment of the configuration; then comparisons and figures. Only stale stages rerun: see README.md.

from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

import cotdepth.workflow


configfile: "config.yaml"


if workflow.is_main_process:
    cotdepth.workflow.require_config_files(workflow.configfiles)
plan = cotdepth.workflow.load_plan(Path(workflow.basedir), config)
if workflow.is_main_process:  # never from inside a submitted job: it may see a newer configuration than it was submitted with
    cotdepth.workflow.write_stamps(plan)
needs = cotdepth.workflow.load_needs(Path(workflow.basedir), plan)


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/theory.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/agreement.smk"
include: "workflow/rules/report.smk"


onstart:
    cotdepth.workflow.require_unlimited_arrays(workflow.executor_settings, workflow.resource_settings.nodes)
    cotdepth.workflow.hold_results(plan)


onerror:
    cotdepth.workflow.warn_of_full_disk(plan)


localrules:
    all,


rule all:
    default_target: True
    input:
        figures=figure_files(),
        results=plan.all_artifacts(),
        ledger=ledger_file(),
    message:
        "every figure and result is up to date"
