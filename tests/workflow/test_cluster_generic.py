"""The profile for any cluster, against stand-ins for its commands: what they are asked for, and that a failed job is submitted again."""

import shlex
import sys
from importlib.util import find_spec

import pytest

# Runs the job in the background; its id is the number of its submission.
QSUB = """\
#!/bin/sh
echo "$@" >>'{folder}/submitted'
for script; do :; done
id=$(wc -l <'{folder}/submitted')
(sh "$script" >/dev/null 2>&1; echo "    Exit_status = $?" >'{folder}/ended.'$id) >/dev/null 2>&1 &
echo $id
"""

QSTAT = """\
#!/bin/sh
if [ -e '{folder}/ended.'"$3" ]; then echo '    job_state = F'; cat '{folder}/ended.'"$3"; else echo '    job_state = R'; fi
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
