"""Bad configurations, damaged artifacts, folders that cannot be written: one clear line, and nothing lost."""

import resource

import pytest
import xarray as xr


def stop_line(done):
    """The one line that a run stopped with."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("cotdepth: ")]
    return line


@pytest.mark.parametrize("old, new, key, value, allowed", [
    ("n_test: 5", "n_tset: 5", "n_tset", "unknown key", "'n_test'"),
    ("results: results", "results: results\nresults: other", "config.yaml", "'results' is given a second time", "leave one out"),
    ("results: results", "results: results\nfigurs: {}", "figurs", "unknown key", "'figures'"),
    ("results: results", "results: results\nresources: {train_lsaa: {runtime: 5}}", "resources.train_lsaa", "no such rule", "'train_lsa'"),
    ("results: results", "results: results\nresources: {train_lsa: {runtime: 0}}", "train_lsa.runtime", "0", "a whole number >= 1"),
    ("n_test: 5", "n_test: -5", "n_test", "-5", "a whole number >= 1"),
    ("tau: 4\n", "tau: 1\n", "tau", "1", "above 1"),
    ("sigma: 0.5", "sigma: .nan", "sigma", "nan", "a number"),
    ("learner: reduced", "learner: reducd", "learner", "'reducd'", "'reduced'"),
    ("alpha: 2\n", "alpha: 2.1\n", "alpha", "2.1", "a whole number"),
    ("theory-validation/compare}", "theory-validation/compar}", "inputs.compare", "compar'", "'compare'"),
])  # fmt: skip
def test_a_faulty_configuration_stops_with_a_line_that_says_what_is_allowed(checkout, old, new, key, value, allowed):
    checkout.edit("config.yaml", old, new)
    before = checkout.files()
    line = stop_line(checkout.snakemake())
    assert key in line and value in line and allowed in line
    assert checkout.files() == before


@pytest.mark.parametrize("place", ["results", "results/theory-validation/evaluate"])
def test_a_results_folder_that_cannot_be_written_stops_with_one_line(checkout, place):
    (checkout.folder / place).rename(checkout.folder / "elsewhere")
    (checkout.folder / place).write_text("a file where a folder should be")
    line = stop_line(checkout.snakemake())
    assert "results" in line and "cannot be written" in line
    assert (checkout.folder / place).read_text() == "a file where a folder should be"


def test_a_job_that_finds_no_room_for_its_artifact_says_so_in_one_line_and_writes_nothing(checkout):
    """Room for 4 kB in every file: netCDF4 itself says no more than "HDF error"."""
    data, train, out = (checkout.artifact(stage, "alpha2-tau4-dim4") for stage in ("data", "train", "evaluate"))
    before = checkout.files()
    done = checkout.python("scripts/evaluate_reduced.py", "--stamp", out.with_suffix(".json"), "--data", data, "--train", train,
                           "--out", out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))  # fmt: skip
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and f"{out}: cannot be written" in said and said.endswith("; nothing was written")
    assert checkout.files() == before


def truncate(path):
    path.write_bytes(path.read_bytes()[:5000])


def flip_a_bit(path):
    with xr.open_dataset(path) as dataset:
        number = dataset.matrix.values[0, 0, 0].tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(number) + 2] ^= 1
    path.write_bytes(content)


def edit_by_hand(path):
    with xr.open_dataset(path) as dataset:
        edited = dataset.load()
    edited.matrix[0, 0, 0] += 1
    edited.to_netcdf(path)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, edit_by_hand])
def test_a_job_refuses_a_damaged_input_and_the_audit_names_it(checkout, damage):
    data, train, out = (checkout.artifact(stage, "alpha2-tau4-dim4") for stage in ("data", "train", "evaluate"))
    damage(train)
    before = checkout.files()
    done = checkout.python("scripts/evaluate_reduced.py", "--stamp", out.with_suffix(".json"), "--data", data, "--train", train,
                           "--out", out)  # fmt: skip
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert str(train) in line and "delete it and run snakemake again" in line
    assert checkout.files() == before
    audit = checkout.cotdepth("audit")
    assert audit.returncode == 1
    [named] = [line for line in audit.stdout.splitlines() if line.startswith("damaged")]
    assert str(train.relative_to(checkout.folder)) in named.split()[1]


def test_a_run_that_meets_a_damaged_input_says_so_in_the_log_loses_nothing_else_and_heals(checkout):
    train, out = (checkout.artifact(stage, "alpha2-tau4-dim4") for stage in ("train", "evaluate"))
    whole = checkout.products()
    truncate(train)
    before = checkout.files()
    done = checkout.snakemake()
    assert done.returncode == 1
    log = (checkout.results / "logs" / out.relative_to(checkout.results)).with_suffix(".log").read_text()
    assert len(log.splitlines()) == 1 and str(train.relative_to(checkout.folder)) in log
    after = checkout.files()
    lost = {name for name in before if after.get(name) != before[name]}
    assert lost <= {str(out.relative_to(checkout.results))}   # Snakemake removes a job's output before the job starts
    assert after.keys() <= before.keys()
    train.unlink()
    checkout.run()
    assert checkout.products() == whole


def test_a_damaged_figure_is_named_by_the_audit(checkout):
    truncate(checkout.results / "figures" / "phase-diagram.png")
    audit = checkout.cotdepth("audit")
    assert audit.returncode == 1
    [named] = [line for line in audit.stdout.splitlines() if line.startswith("damaged")]
    assert "figures/phase-diagram.png" in named
