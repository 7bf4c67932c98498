"""What the README tells a user to write is accepted."""

from pathlib import Path

import yaml
from snakemake.utils import update_config

from cotdepth.config import check_config
from cotdepth.plan import Plan

CHECKOUT = Path(__file__).parents[2]


def test_the_experiments_of_the_readme_are_accepted_and_have_their_own_cells():
    blocks = (CHECKOUT / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
    config, schema, table = (yaml.safe_load((CHECKOUT / name).read_text(encoding="utf-8"))
                             for name in ("config.yaml", "workflow/schemas/config.schema.yaml", "workflow/stages.yaml"))  # fmt: skip
    for block in blocks:
        update_config(config, yaml.safe_load(block.partition("```")[0]))
    plan = Plan(check_config(config, schema), table, CHECKOUT / "scripts")
    assert len(plan.artifacts("noisy-labels", "evaluate")) == 8 and len(plan.artifacts("noisy-labels", "compare")) == 2
    assert len(plan.artifacts("weak-skills", "compare")) == 2 and {"noisy-labels", "weak-skills"} <= plan.figures.keys()
