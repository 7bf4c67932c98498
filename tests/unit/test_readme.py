"""What the README tells a user to write is accepted."""

from pathlib import Path

import yaml
from snakemake.utils import update_config

from cotdepth.config import check_config
from cotdepth.plan import Plan

CHECKOUT = Path(__file__).parents[2]


def test_the_experiment_of_the_readme_is_accepted_and_has_its_own_cells():
    blocks = (CHECKOUT / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
    [mine] = [yaml.safe_load(block.partition("```")[0]) for block in blocks]
    config, schema, table = (yaml.safe_load((CHECKOUT / name).read_text(encoding="utf-8"))
                             for name in ("config.yaml", "workflow/schemas/config.schema.yaml", "workflow/stages.yaml"))  # fmt: skip
    update_config(config, mine)
    plan = Plan(check_config(config, schema), table, CHECKOUT / "scripts")
    [name] = mine["experiments"]
    assert len(plan.artifacts(name, "evaluate")) == 8 and len(plan.artifacts(name, "compare")) == 2
