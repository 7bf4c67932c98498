"""The configuration: every scale is valid, every key is documented, and every fault is one clear line."""

import copy
import math
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from cotdepth.config import ConfigError, check_config
from cotdepth.experiments import FAMILIES
from cotdepth.plan import Plan

CHECKOUT = Path(__file__).resolve().parents[2]
SCALES = sorted(CHECKOUT.glob("workflow/scales/*.yaml"))


def load(path):
    return yaml.safe_load((CHECKOUT / path).read_text(encoding="utf-8"))


CONFIG, SCHEMA, STAGES = load("config.yaml"), load("workflow/schemas/config.schema.yaml"), load("workflow/stages.yaml")


def plan(config):
    return Plan(check_config(config, SCHEMA), STAGES, CHECKOUT / "scripts")


def scaled(scale):
    """The configuration with an overlay, as ``snakemake --configfile`` merges them."""
    config = copy.deepcopy(CONFIG)
    update_config(config, load(scale))
    return config


def with_value(value, *path):
    """The configuration with one value set, or taken out if it is ``...``."""
    config = copy.deepcopy(CONFIG)
    *outer, key = path
    block = config
    for name in outer:
        block = block[name]
    if value is ...:
        del block[key]
    else:
        block[key] = value
    return config


def fault(value, *path):
    """The one line that the configuration with this value is refused with."""
    with pytest.raises(ConfigError) as refused:
        plan(with_value(value, *path))
    [line] = str(refused.value).splitlines()
    return line


LEARNER, THEORY = ("experiments", "theory-validation"), ("experiments", "phase-diagram")


def test_the_default_configuration_gives_every_experiment_its_stages():
    made = plan(CONFIG)
    assert list(made.experiments) == [*CONFIG["experiments"], "claims", "agreement"] and list(made.claims) == list(CONFIG["claims"])
    assert list(made.experiments["theory-validation"]) == ["data", "train", "evaluate", "theory", "compare"]
    assert list(made.experiments["phase-diagram"]) == ["theory"]


@pytest.mark.parametrize("scale", SCALES, ids=lambda path: path.stem)
def test_every_scale_has_the_experiments_and_figures_of_the_default_one(scale):
    made = plan(scaled(scale))
    assert list(made.experiments) == [*CONFIG["experiments"], "claims", "agreement"] and made.figures.keys() == CONFIG["figures"].keys()


def test_no_scale_overwrites_the_results_of_another():
    folders = [CONFIG["results"], *(scaled(scale)["results"] for scale in SCALES)]
    assert len(set(folders)) == len(folders) == 3


def keys_of(schema, path="config"):
    """Every key that a schema allows, as (path, what the schema says of it)."""
    if isinstance(schema, list):
        return [found for item in schema for found in keys_of(item, path)]
    if not isinstance(schema, dict):
        return []
    here = [(f"{path}.{key}", entry) for key, entry in schema.get("properties", {}).items()]
    parts = {key: item for key, item in schema.items() if key not in ("required", "allOf", "if", "else")}
    return here + [found for key, item in parts.items() for found in keys_of(item, f"{path}.{key}")]


@pytest.mark.parametrize("path, entry", [pytest.param(*key, id=key[0]) for key in keys_of(SCHEMA)])
def test_every_key_has_a_unit_and_a_description(path, entry):
    if "$ref" in entry:
        entry = SCHEMA["$defs"][entry["$ref"].removeprefix("#/$defs/")]
    assert len(entry["description"]) > 10 and entry["unit"]


def test_every_parameter_that_a_stage_consumes_is_a_key():
    allowed = {path.rsplit(".", 1)[1] for path, _ in keys_of(SCHEMA)}
    consumed = {
        key for kind in FAMILIES for stages in STAGES[kind].values() for stage in stages.values() for key in stage["keys"]
    }
    assert consumed <= allowed


@pytest.mark.parametrize("path, nearest", [
    (["reslts"], "results"),
    ([*LEARNER, "alhpa"], "alpha"),
    ([*LEARNER, "grids", 0, "taus"], "tau"),
    ([*THEORY, "theori"], "theory"),
    (["figures", "phase-diagram", "panel"], "panels"),
])  # fmt: skip
def test_an_unknown_key_comes_with_the_nearest_valid_one(path, nearest):
    line = fault(3, *path)
    assert f"{path[-1]}: unknown key" in line and f"the nearest valid one is {nearest!r}" in line


NUMBERS = {"alpha": "> 0", "tau": "> 0", "sigma": ">= 0"}
WHOLE = {"dim": ">= 2", "seeds": ">= 1", "n_test": ">= 1", "depth": "from 1 to 2000", "experiment_seed": "from 0 to 2147483647"}


@pytest.mark.parametrize("key, allowed", (NUMBERS | WHOLE | {"ridge": ">= 0"}).items())
@pytest.mark.parametrize("value", [-1, True, "4", [], None], ids=str)
def test_what_is_no_number_of_the_allowed_range_is_refused(key, allowed, value):
    line = fault(value, *LEARNER, key)
    assert f".{key} = {value!r}: must be a" in line and f"number {allowed}" in line


@pytest.mark.parametrize("value", [0.8, 1, [2, 1], [0.5]], ids=str)
def test_as_many_tasks_as_dimensions_are_refused(value):
    assert f"tau = {value}: must be above 1" in fault(value, *THEORY, "tau")


@pytest.mark.parametrize("key", WHOLE)
def test_whole_numbers_are_whole(key):
    assert f".{key} = 2.5: must be a whole number" in fault(2.5, *LEARNER, key)


@pytest.mark.parametrize("key", [*NUMBERS, *WHOLE, "ridge", "quantiles"])
def test_nan_is_refused(key):
    assert f".{key} = nan: must be a number" in fault(math.nan, *LEARNER, key)


def test_nan_in_a_list_is_refused_by_its_place():
    assert "alpha[1] = nan: must be a number" in fault([1, math.nan], *THEORY, "alpha")


@pytest.mark.parametrize("key", ["alpha", "sigma", "ridge"])
def test_only_the_number_of_tasks_may_be_infinite(key):
    assert plan(with_value(math.inf, *THEORY, "tau"))
    assert f".{key} = inf: must be" in fault(math.inf, *THEORY, key)


@pytest.mark.parametrize("value", [0.5, [], [0.5, 0.5]], ids=str)
def test_quantiles_are_a_list_of_different_numbers(value):
    assert f".quantiles = {value}: must be a list of numbers between 0 and 1" in fault(value, *LEARNER, "quantiles")


def test_quantiles_lie_between_0_and_1():
    line = fault([0.5, 1.5], *LEARNER, "quantiles")
    assert "quantiles" in line and "1.5" in line and "maximum of 1" in line


@pytest.mark.parametrize("spacing, values", [("linear", [1, 1.75, 2.5, 3.25, 4]), ("log", [1, 2**0.5, 2, 8**0.5, 4])])
def test_a_range_is_written_out_with_both_ends(spacing, values):
    checked = check_config(with_value({"from": 1, "to": 4, "count": 5, "spacing": spacing}, *THEORY, "alpha"), SCHEMA)
    alpha = checked["experiments"]["phase-diagram"]["alpha"]
    assert alpha == pytest.approx(values, rel=1e-9) and (alpha[0], alpha[-1]) == (1, 4)


def test_a_range_holds_short_numbers():
    checked = check_config(with_value({"from": 0.1, "to": 0.7, "count": 7}, *THEORY, "alpha"), SCHEMA)
    assert checked["experiments"]["phase-diagram"]["alpha"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


@pytest.mark.parametrize("faulty", [
    {"count": 1}, {"count": 2.5}, {"count": True}, {"count": "3"}, {"from": -1}, {"from": 0, "spacing": "log"}, {"from": "1"},
    {"from": True}, {"to": math.inf}, {"spacing": "logarithmic"}, {"steps": 3}, {"to": None},
], ids=str)  # fmt: skip
def test_a_faulty_range_is_refused(faulty):
    line = fault({"from": 1, "to": 2, "count": 3, **faulty}, *THEORY, "alpha")
    assert ".alpha = " in line and "a range {from, to, count, spacing}" in line


@pytest.mark.parametrize("values", [{"from": 1, "to": 1, "count": 3}, [2, 1, 2]], ids=str)
def test_a_dimension_has_no_value_twice(values):
    assert "(ridgeless, theory): alpha = " in fault(values, *THEORY, "alpha") and "different values" in fault(values, *THEORY, "alpha")


FAMILY_BLOCK = ("experiments", "general-covariance")


def test_a_cell_axis_has_no_value_twice():
    """Lists of families may repeat a value, axes may not."""
    assert "alpha = [2, 2]: must be different values" in fault([{"alpha": [2, 2], "tau": 4, "depth": 40}], *LEARNER, "grids")


@pytest.mark.parametrize("key, value, said", [
    ("shares", [0.5, 0.25], "shares = [0.5, 0.25]: must have the sum 1"),
    ("alpha", [2, 3, 4], "alpha = [2, 3, 4]: must be one value, or as many as shares = [1]"),
    ("tau", 0.5, "must be above 1 where ridge is 0"),
    ("dim", [64, 129], "its levels or pairs do not divide dim = 129"),
])  # fmt: skip
def test_a_faulty_regime_of_task_families_is_refused(key, value, said):
    grid = {"case": "one", "train_covariance": "power-law", "test_covariance": "turned"}
    config = with_value([grid], *FAMILY_BLOCK, "grids")
    config["experiments"]["general-covariance"] |= {"tau": 4, key: value}
    with pytest.raises(ConfigError) as refused:
        plan(config)
    assert said in str(refused.value)


def test_families_may_be_alike_in_some_ways():
    """Two families of one covariance that differ in noise, and three contexts of which two are equal."""
    grids = [{"case": "one", "train_covariance": ["power-law", "power-law"], "sigma": [0, 0.5], "alpha": [2, 2], "shares": [0.5, 0.5],
              "test_covariance": "turned", "tau": 4}]  # fmt: skip
    assert plan(with_value(grids, *FAMILY_BLOCK, "grids")).experiments["general-covariance"]["data"].cells


@pytest.mark.parametrize("figure, role, source, family", [
    ("phase-diagram", "map", "damping-map/theory", "ridgeless"),
    ("deployment", "map", "phase-diagram/theory", "damping"),
    ("theory-validation", "compare", "general-covariance/compare", "reduced"),
])  # fmt: skip
def test_a_figure_shows_only_what_it_can_draw(figure, role, source, family):
    assert f"must be of an experiment with {family!r}" in fault(source, "figures", figure, "inputs", role)


@pytest.mark.parametrize("name", ["agreement", "benchmarks", "claims", "figures", "logs", "quarantine", "smoke", "paper"])
def test_an_experiment_may_not_take_the_name_of_another_folder_of_the_results(name):
    assert f"experiments.{name}: this name is reserved" in fault(CONFIG["experiments"]["phase-diagram"], "experiments", name)


@pytest.mark.parametrize("name", ["Bad", "a b", "../up", "1st", "", 2024, True], ids=str)
def test_names_are_plain_words(name):
    line = fault(CONFIG["experiments"]["phase-diagram"], "experiments", name)
    assert repr(name) in line and "lower-case letters, digits and hyphens" in line


@pytest.mark.parametrize("key", ["experiment_seed", "seeds", "sigma", "ridge", "n_test", "quantiles"])
def test_a_parameter_that_a_learner_needs_is_missed_by_name(key):
    assert "theory-validation (reduced, " in fault(..., *LEARNER, key) and f"{key!r} is missing" in fault(..., *LEARNER, key)


@pytest.mark.parametrize("key", ["title", "cell_axes"])
def test_a_key_that_every_experiment_needs_is_missed_by_name(key):
    assert "theory-validation" in fault(..., *LEARNER, key) and repr(key) in fault(..., *LEARNER, key)


def test_a_cell_axis_without_values_is_missed_by_name():
    assert "cell_axes: 'dim' has no value" in fault(..., *LEARNER, "dim")


@pytest.mark.parametrize("key", ["sigma", "ridge"])
def test_a_list_needs_a_cell_axis(key):
    line = fault([0.5, 1], *LEARNER, key)
    assert f"{key} = [0.5, 1]: one value, or {key!r} among the cell_axes" in line


def test_contexts_and_pools_have_a_whole_size():
    assert "alpha = 0.5, dim = 65: alpha x dim = 32.5 must be a whole number" in fault([64, 65], *LEARNER, "dim")


def test_a_learner_cannot_be_trained_on_infinitely_many_tasks():
    assert "tau x dim = inf must be a whole number" in fault([{"alpha": 1, "tau": math.inf, "depth": 3}], *LEARNER, "grids")


@pytest.mark.parametrize(
    "kind, name, nearest",
    [("learner", "reduce", "reduced"), ("theory", "ridge-less", "ridgeless"), ("comparison", "finitesize", "finite-size")],
)
def test_an_unknown_family_comes_with_the_nearest_valid_one(kind, name, nearest):
    assert f".{kind} = {name!r}: not known; the nearest valid one is {nearest!r}" in fault(name, *LEARNER, kind)


def test_an_experiment_needs_a_learner_or_a_theory():
    assert "phase-diagram: needs a learner, a theory or both" in fault(..., *THEORY, "theory")


@pytest.mark.parametrize("key, value, message", [
    ("draw", "depth_curve", "not known; the nearest valid one is 'depth_curves'"),
    ("depth", 41, "depth = 41: theory-validation has depths up to 40 only"),
    ("panels", [{"tau": 5}], "panels[0] = {'tau': 5}: theory-validation/compare has no such cell"),
    ("panels", [{"ridge": 0}], "panels[0].ridge: theory-validation/compare has no such cell axis"),
    ("inputs", {"compare": "theory-validation/evaluate"}, "must be the stage 'compare' of an experiment"),
    ("inputs", {"compare": "theory-validation/compare", "map": "phase-diagram/theory"}, "inputs.map: unknown key"),
])  # fmt: skip
def test_a_figure_that_could_not_be_drawn_is_refused_before_anything_runs(key, value, message):
    line = fault(value, "figures", "theory-validation", key)
    assert line.startswith("figures.theory-validation.") and message in line


def test_a_comparison_over_an_axis_needs_its_cells():
    line = fault(["alpha", "tau"], "experiments", "theory-validation", "cell_axes")
    assert "goes over dim, which must be among the cell_axes" in line or "dim = [64" in line


def test_a_parameter_that_nothing_reads_is_refused():
    line = fault([0.5], "experiments", "phase-diagram", "quantiles")
    assert "phase-diagram.quantiles: no stage of this experiment reads it; they read alpha, depth, sigma, tau" in line


def test_a_comparison_needs_both_of_its_sides():
    assert "needs the stage 'evaluate'" in fault("finite-size", *THEORY, "comparison")


@pytest.mark.parametrize("source, message", [
    ("phase-diagrm/theory", "no experiment 'phase-diagrm'; the nearest valid one is 'phase-diagram'"),
    ("phase-diagram/theori", "phase-diagram has no stage 'theori'; the nearest valid one is 'theory'"),
    ("phase-diagram/train", "phase-diagram has no stage 'train'"),
    ("phase-diagram", "must be <experiment>/<stage>"),
])  # fmt: skip
def test_a_figure_shows_only_what_there_is(source, message):
    line = fault(source, "figures", "phase-diagram", "inputs", "map")
    assert ".inputs.map = " in line and repr(source) in line and message in line


@pytest.mark.parametrize("role", ["map", "trajectories"])
def test_a_figure_without_one_of_its_inputs_is_refused(role):
    assert role in fault(..., "figures", "phase-diagram", "inputs", role)


# --- covariances --------------------------------------------------------------------------------------------------

LSA, SELECTION = ("experiments", "lsa-depth"), ("experiments", "task-selection")


@pytest.mark.parametrize("path, value, message", [
    ([*LSA, "train_covariance"], ["isotropc"], "(lsa, data): train_covariance = 'isotropc': not among the covariances; "
                                               "the nearest valid one is 'isotropic'"),
    ([*LSA, "test_covariance"], "skewd", "test_covariance = 'skewd': not among the covariances; the nearest valid one is 'skewed'"),
    ([*SELECTION, "task_types"], ["easy-long", "hard-lng"], "task_types = 'hard-lng': not among the covariances; "
                                                            "the nearest valid one is 'hard-long'"),
    ([*SELECTION, "target_covariance"], "traget", "the nearest valid one is 'target'"),
    ([*LSA, "covariances"], ..., "= 'isotropic': not among the covariances; the experiment defines none"),
    ([*LSA, "covariances"], {}, "= 'isotropic': not among the covariances; the experiment defines none"),
])  # fmt: skip
def test_a_covariance_that_is_not_defined_is_refused_with_the_nearest_name(path, value, message):
    line = fault(value, *path)
    assert line.startswith(f"experiments.{path[1]} (") and message in line


@pytest.mark.parametrize("definition, size", [
    ({"exponent": 1, "support": 11, "trace": 1}, 11),
    ({"spectrum": [1] * 9, "trace": 1}, 9),
    ({"spectrum": [1] * 11, "trace": 1}, 11),
])  # fmt: skip
def test_a_covariance_that_does_not_fit_the_dimension_is_refused(definition, size):
    line = fault(definition, *LSA, "covariances", "isotropic")
    assert f"train_covariance = 'isotropic': it has {size} eigenvalues, and dim = 10" in line


@pytest.mark.parametrize("definition", [{"exponent": 1, "support": 10, "trace": 1}, {"spectrum": [1] * 9 + [0], "trace": "dim"}], ids=str)
def test_a_covariance_that_fits_the_dimension_is_accepted(definition):
    assert plan(with_value(definition, *LSA, "covariances", "isotropic"))


def test_a_covariance_that_nothing_refers_to_need_not_fit():
    assert plan(with_value({"spectrum": [1, 2], "trace": 1}, *LSA, "covariances", "unused"))


@pytest.mark.parametrize("definition", [
    {}, {"trace": 1}, {"exponent": 1}, {"exponent": 1, "spectrum": [1, 2], "trace": 1}, {"spectrum": [1, 2], "support": 2, "trace": 1},
    {"exponent": 1, "trace": 1, "decay": 2},
], ids=str)  # fmt: skip
def test_a_covariance_has_one_definition(definition):
    assert fault(definition, *LSA, "covariances", "isotropic").startswith("experiments.lsa-depth.covariances.isotropic")


@pytest.mark.parametrize("key, value", [
    ("trace", 0), ("trace", "D"), ("trace", math.inf), ("support", 0), ("support", 2.5), ("exponent", "1"), ("exponent", math.inf),
    ("exponent", 1e9), ("basis", "random"), ("spectrum", [1]), ("spectrum", [1, -1]), ("spectrum", [0] * 10), ("spectrum", [1, math.inf]),
], ids=str)  # fmt: skip
def test_what_defines_no_covariance_is_refused(key, value):
    definition = {"trace": 1, key: value} if key == "spectrum" else {"exponent": 1, "trace": 1, key: value}
    line = fault(definition, *LSA, "covariances", "isotropic")
    assert line.startswith("experiments.lsa-depth.covariances.isotropic.") and key in line


# --- values for which a theory is not known -----------------------------------------------------------------------


@pytest.mark.parametrize("key, stage", [("label_noise", "(layer, theory)"), ("test_noise", "(layer, theory)")])
@pytest.mark.parametrize("value", [0.1, 1])
def test_noise_that_the_theory_of_a_layer_does_not_know_is_refused(key, stage, value):
    assert f"lsa-depth {stage}: {key} = {value}: must be 0; it is not known for other values" in fault(value, *LSA, key)


def test_noise_without_a_theory_is_free():
    config = with_value(0.1, *LSA, "label_noise")
    for name in ("theory", "comparison"):
        del config["experiments"]["lsa-depth"][name]
    del config["figures"]["lsa-depth"], config["claims"]["training-data"], config["agreement"]["lsa-depth"]
    assert list(plan(config).experiments["lsa-depth"]) == ["data", "train", "evaluate", "baselines"]


# --- keys of a figure ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("figure, key, value, message", [
    ("lsa-depth", "depth", 3, "layer_depth does not read it"),
    ("lsa-depth", "panels", [{}], "layer_depth does not read it"),
    ("test-time-scaling", "panels", [{}], "scaling does not read it"),
    ("step-size", "depth", 3, "descent does not read it"),
    ("test-time-scaling", "depth", ..., "is missing"),
    ("theory-validation", "depth", ..., "is missing"),
    ("theory-validation", "panels", ..., "is missing"),
])  # fmt: skip
def test_a_figure_has_the_keys_that_its_drawing_reads_and_no_others(figure, key, value, message):
    assert fault(value, "figures", figure, key) == f"figures.{figure}.{key}: {message}"


@pytest.mark.parametrize("key, value, message", [
    ("label_noise", 0.1, "(attention, theory): label_noise = 0.1: must be 0; it is not known for other values"),
    ("covariances", {"isotropic": {"exponent": 1, "trace": "dim"}},
     "(attention, theory): train_covariance = 'isotropic': must be {exponent: 0, trace: dim} here"),
    ("covariances", {"isotropic": {"exponent": 0, "trace": 2}},
     "(attention, theory): train_covariance = 'isotropic': must be {exponent: 0, trace: dim} here"),
    ("grids", [{"model": "softmax", "n_tasks": 40, "n_context": [4], "guess": ["fresh"]}],
     "(attention, theory): no cell of the experiment has model = linear"),
    ("grids", [{"model": "linear", "n_tasks": 40, "n_context": [4], "guess": ["zero"]}],
     "(attention, theory): guess = ['zero']: may hold fresh, fixed only"),
    ("grids", [{"model": "linear", "n_tasks": 40, "n_context": 4, "guess": ["fresh"]}],
     "(attention, data): n_context = 4: must be a list, and not among the cell_axes"),
])  # fmt: skip
def test_what_the_theory_of_attention_does_not_know_is_refused(key, value, message):
    assert fault(value, "experiments", "attention-phase", key) == f"experiments.attention-phase {message}"


def test_attention_is_drawn_without_theory_or_with_that_of_its_own_experiment():
    config = with_value("attention-phase/evaluate", "figures", "attention-phase", "inputs", "measured")
    alone = copy.deepcopy(config)
    del alone["figures"]["attention-phase"]["inputs"]["theory"]
    assert plan(alone).figure_inputs("attention-phase", "theory") == []
    config["experiments"]["mine"] = config["experiments"]["attention-phase"]
    config["figures"]["attention-phase"]["inputs"]["theory"] = "mine/theory"
    with pytest.raises(ConfigError, match="inputs: attention-phase/evaluate, mine/theory: must be of one experiment"):
        plan(config)


def test_the_theory_of_attention_has_the_cells_of_linear_attention_alone():
    stages = plan(CONFIG).experiments["attention-phase"]
    models = {name: {values["model"] for values, _ in stage.cells.values()} for name, stage in stages.items()}
    assert models == {"theory": {"linear"}} | dict.fromkeys(("data", "train", "evaluate"), {"linear", "softmax"})


@pytest.mark.parametrize("experiment, key, value, message", [
    ("gpt2-depth", "depth", 3, "(gpt2-thought, evaluate): depth = 3: must be at least train_depth = 4"),
    ("lsa-cot-training", "depth", 3, "(chain-training, evaluate): depth = 3: must be at least train_depth = 4"),
    ("gpt2-prompt-shift", "n_context", 30, "(gpt2-labels, train): max_tokens = 60: must be at least 2 x n_context + 1 = 61"),
    ("gpt2-prompt-shift", "n_context_test", [30], "(gpt2-labels, evaluate): max_tokens = 60: must be at least 2 x n_context_test + 1 = 61"),
    ("gpt2-prompt-shift", "n_test", 1, "(gpt2-labels, evaluate): n_test = 1: must be at least 2 here"),
    ("gpt2-prompt-shift", "heads", 5, "(gpt2-labels, train): heads = 5: must divide width = 64"),
    ("lsa-cot-training", "tested_every", 300, "(chain-training, train): tested_every = 300: must divide steps = 2000"),
])  # fmt: skip
def test_a_model_that_could_not_be_trained_or_tested_is_refused_before_anything_runs(experiment, key, value, message):
    assert fault(value, "experiments", experiment, key) == f"experiments.{experiment} {message}"


@pytest.mark.parametrize("tokens, changed, said", [
    ("joint", {"max_tokens": 29, "train_depth": 5}, "train): max_tokens = 29: must be at least n_context + train_depth = 30"),
    ("separate", {"max_tokens": 53}, "train): max_tokens = 53: must be at least 2 x n_context + train_depth = 54"),
    ("joint", {"max_tokens": 39, "depth": 15}, "evaluate): max_tokens = 39: must be at least n_context_test + depth = 40"),
    ("separate", {"max_tokens": 59}, "evaluate): max_tokens = 59: must be at least 2 x n_context_test + depth = 60"),
])  # fmt: skip
def test_thought_has_as_many_positions_as_tokens_and_needs_no_more(tokens, changed, said):
    """25 examples and 4 steps in training, or 5; as many examples and more steps in the test."""
    config = with_value([5, 25], "experiments", "gpt2-depth", "n_context_test")
    block = config["experiments"]["gpt2-depth"]
    block |= {"positions": "learned", "tokens": tokens} | changed
    block["grids"] = [{"train_covariance": "isotropic", "n_context": 25, "n_context_from": 5, "seeds": 2}]
    with pytest.raises(ConfigError) as refused:
        plan(config)
    assert str(refused.value) == f"experiments.gpt2-depth (gpt2-thought, {said}"
    block["max_tokens"] = {"joint": 25, "separate": 50}[tokens] + block["depth"]
    plan(config)


def test_a_teacher_whose_descent_diverges_is_refused_where_there_is_a_teacher():
    """The largest eigenvalue of 10 features with exponent 1 and trace 10 is 3.414."""
    config = with_value(0.59, "experiments", "gpt2-depth", "teacher_step")
    config["experiments"]["gpt2-depth"] |= {"dim": 10}
    plan(config)
    config["experiments"]["gpt2-depth"] |= {"supervision": "teacher"}
    with pytest.raises(ConfigError) as refused:
        plan(config)
    assert str(refused.value) == ("experiments.gpt2-depth (gpt2-thought, train): teacher_step = 0.59: must be below "
                                  "2 / lambda_max = 0.5858 of the training covariance")  # fmt: skip


def test_without_positions_there_is_no_longest_prompt():
    changed = with_value("none", "experiments", "gpt2-prompt-shift", "positions")
    changed["experiments"]["gpt2-prompt-shift"]["n_context_test"] = [300]
    assert len(plan(changed).artifacts("gpt2-prompt-shift", "evaluate")) == 1


def test_where_training_runs_is_not_part_of_a_stamp():
    before, after = (plan(CONFIG | device) for device in ({}, {"device": "cpu"}))
    assert (before.device, after.device) == ("auto", "cpu") and before.experiments == after.experiments
    assert fault("tpu", "device") == "device = 'tpu': must be auto, cpu or cuda"


def test_every_fault_has_its_line():
    config = with_value(-1, *LEARNER, "sigma")
    config["experiments"]["phase-diagram"] |= {"depht": 3, "alpha": "2"}
    with pytest.raises(ConfigError) as refused:
        plan(config)
    assert len(str(refused.value).splitlines()) == 3


def test_a_drawing_of_short_and_long_test_prompts_needs_them():
    line = fault([10, 20, 1000], "experiments", "lsa-depth", "n_context_test")
    assert line == "figures.lsa-depth.inputs.compare: n_context_test must hold 30 for layer_depth"


# --- gradient flow and distribution shifts ------------------------------------------------------------------------

FLOW, SHIFT = ("experiments", "gradient-flow"), ("experiments", "distribution-shift")


@pytest.mark.parametrize("key, value, allowed", [
    ("start_scale", 1, "a number between 0 and 1"),
    ("descent_step", 0, "a number between 0 and 1"),
    ("halvings", 11, "a whole number from 0 to 10"),
    ("duration", 0, "a number from 0.01 to 10000"),
    ("records", 1, "a whole number from 2 to 10000"),
])  # fmt: skip
def test_a_faulty_path_of_the_flow_is_refused(key, value, allowed):
    assert fault(value, *FLOW, key) == f"experiments.gradient-flow.{key} = {value}: must be {allowed}"


@pytest.mark.parametrize("law", [
    {"family": "normal", "mean": 1}, {"family": "exponential"}, {"family": "gamma", "shape": 1}, {"mean": 1}, "exponential",
    {"family": "exponential", "mean": 1, "shape": 2},
], ids=str)  # fmt: skip
def test_what_is_no_law_is_refused(law):
    line = fault({"law": law}, *FLOW, "covariances", "gamma")
    assert line.startswith("experiments.gradient-flow.covariances.gamma.law = ") and "{family: gamma, shape, scale}" in line


@pytest.mark.parametrize("law, key, allowed", [
    ({"family": "exponential", "mean": 0}, "mean", "a number from 0.000001 to 1000000"),
    ({"family": "exponential", "mean": 1e-200}, "mean", "a number from 0.000001 to 1000000"),
    ({"family": "lognormal", "median": 1, "deviation": 4}, "deviation", "a number from 0.000001 to 3"),
    ({"family": "lognormal", "median": 1e-9, "deviation": 1}, "median", "a number from 0.000001 to 1000000"),
    ({"family": "gamma", "shape": 0.001, "scale": 1}, "shape", "a number from 0.01 to 1000000"),
    ({"family": "gamma", "shape": 1, "scale": 1e-9}, "scale", "a number from 0.000001 to 1000000"),
    ({"family": "uniform", "low": 0, "high": 1e-9}, "high", "a number from 0.000001 to 1000000"),
    ({"family": "uniform", "low": -1, "high": 1}, "low", "a number from 0 to"),
])  # fmt: skip
def test_a_law_has_numbers_of_its_range(law, key, allowed):
    assert f"covariances.gamma.law.{key} = {law[key]}: must be {allowed}" in fault({"law": law}, *FLOW, "covariances", "gamma")


def test_a_law_has_no_trace():
    line = fault({"law": {"family": "exponential", "mean": 1}, "trace": 1}, *FLOW, "covariances", "gamma")
    assert line.startswith("experiments.gradient-flow.covariances.gamma = ")


def test_the_bounds_of_a_uniform_law_are_in_order():
    line = fault({"law": {"family": "uniform", "low": 2, "high": 1}}, *FLOW, "covariances", "uniform")
    assert line.endswith("covariance = 'uniform': low = 2 must be below high = 1")


def test_a_random_covariance_is_refused_where_one_is_needed_and_the_other_way_round():
    law = {"law": {"family": "exponential", "mean": 1}}
    assert "train_covariance = 'skewed': a random covariance cannot be used here" in fault(law, *SHIFT, "covariances", "skewed")
    line = fault({"exponent": 0, "trace": "dim"}, "experiments", "random-covariances", "covariances", "gamma")
    assert "covariance = 'gamma': must be a random covariance, {law: ...}, here" in line


def test_labels_are_of_known_kinds():
    config = with_value([{**CONFIG["experiments"]["distribution-shift"]["grids"][0], "labels": ["sine"]}], *SHIFT, "grids")
    with pytest.raises(ConfigError, match="labels"):
        plan(config)


@pytest.mark.parametrize("definition, reason", [
    ({"exponent": 12, "trace": "dim"}, "its largest eigenvalue is 2.44e+08 times the smallest; at most 10000 here"),
    ({"exponent": -100, "trace": "dim"}, "times the smallest"),
    ({"levels": [1, 1e-5, 1, 1, 1], "trace": 1}, "its largest eigenvalue is 1e+05 times the smallest"),
    ({"spectrum": [1, 1e-300, 1, 1, 1], "trace": 1}, "its largest eigenvalue is 1e+300 times the smallest"),
    ({"exponent": 1, "trace": 1e300}, "its trace is 1e+300; must be from 1e-06 to 1e+06 here"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("where", [FLOW, SHIFT])
def test_a_covariance_that_the_flow_takes_forever_with_is_refused(where, definition, reason):
    assert reason in fault(definition, *where, "covariances", "skewed")


@pytest.mark.parametrize("experiment, key", [("distribution-shift", "n_test"), ("random-covariances", "seeds")])
def test_a_standard_error_needs_two(experiment, key):
    assert f"{key} = 1: must be at least 2 here" in fault(1, "experiments", experiment, key)


# --- the agreement table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("experiment, kind, reason", [
    ("lsa-depth", "finite", "agreement.lsa-depth = 'finite': not known; the nearest valid one is 'finite-size'"),
    ("lsa-depth", "finite-size", "agreement.lsa-depth = 'lsa-depth/compare': must be of an experiment with 'finite-size'"),
    ("learned-matrices", "attention", "learned-matrices has no stage 'theory'"),
    ("lsa-depth", 3, "agreement.lsa-depth = 3: must be a kind of comparison"),
])  # fmt: skip
def test_an_experiment_is_compared_in_a_way_that_fits_it(experiment, kind, reason):
    assert reason in fault(kind, "agreement", experiment)


def test_the_agreement_table_reads_what_there_is_and_names_the_rest():
    made = plan(with_value("flow", "agreement", "elsewhere"))
    [(_, parameters)] = made.experiments["agreement"]["table"].cells.values()
    assert parameters["missing"] == {"elsewhere": "flow"} and list(parameters["kinds"]) == list(CONFIG["agreement"])
    assert set(made.artifacts("gradient-flow", "train")) <= set(made.agreement_inputs())
    assert list(plan(with_value({}, "agreement")).experiments) == [*CONFIG["experiments"], "claims"]
