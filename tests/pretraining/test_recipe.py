"""Recipes: what comes with the project, what a user may change, and what every mistake is answered with."""

from pathlib import Path

import pytest
import timm
import yaml

from pretraining._defaults import defaults
from pretraining.methods import METHODS
from pretraining.recipe import differences, list_recipes, load_recipe, parsed, recipe_text

PRETRAINING = [method for method in METHODS if method != "finetune"]
SMALL = Path(__file__).parent / "small.yaml"


def changed(*opts):
    return load_recipe(SMALL, [str(word) for word in opts])


def test_defaults_are_a_recipe():
    assert differences(parsed(""), defaults()) == []
    assert parsed(recipe_text(defaults())) == defaults()


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_that_comes_with_the_project(name):
    recipe = load_recipe(name)
    assert name.removeprefix("mini_").split("_")[0] == recipe.METHOD
    assert timm.is_model(recipe.ENCODER.ARCH)
    assert recipe.NOTE
    assert recipe.is_frozen()


def test_recipes_of_every_method():
    assert {load_recipe(name).METHOD for name in list_recipes() if "mini" in name} == set(METHODS)
    assert {load_recipe(name).METHOD for name in list_recipes() if "imagenet" in name} == set(METHODS)


def test_miniatures_differ_in_objective_and_views_alone():
    recipes = [load_recipe(f"mini_{method}") for method in PRETRAINING]
    for recipe in recipes[1:]:
        keys = {line.split(":")[0] for line in differences(recipes[0], recipe)}
        assert {key.split(".")[0] for key in keys} <= {"METHOD", *(m.upper() for m in METHODS), "VIEWS"}


def test_miniatures_see_a_million_images():
    recipe = load_recipe("mini_mae")
    assert 50_000 // recipe.TRAIN.BATCH * recipe.TRAIN.BATCH * recipe.SCHEDULE.EPOCHS >= 1_000_000


@pytest.mark.parametrize("name", list_recipes())
def test_text_keeps_everything(name):
    recipe = load_recipe(name, ["ENCODER.OPTIONS.init_values", "0.01"])
    assert parsed(recipe_text(recipe)) == recipe
    assert recipe_text(parsed(recipe_text(recipe))) == recipe_text(recipe)
    assert set(yaml.safe_load(recipe_text(recipe))) == set(defaults())


@pytest.mark.parametrize(
    ("key", "word", "value"),
    [
        ("OPTIM.LR", "1e-4", 1e-4),
        ("OPTIM.LR", "1", 1.0),
        ("HYBRID.LAMBDA", "0", 0.0),
        ("MOCOV3.MOMENTUM_COSINE", "False", False),
        ("MOCOV3.MOMENTUM_COSINE", "false", False),
        ("OPTIM.BETAS", "(0.9, 0.95)", [0.9, 0.95]),
        ("OPTIM.BETAS", "[0.9, 0]", [0.9, 0.0]),
        ("SCHEDULE.MILESTONES", "[7, 9]", [7, 9]),
        ("DATA.PATH", "cifar10:/a b", "cifar10:/a b"),
        ("DATA.PATH", "2012", "2012"),
        ("DATA.PATH", "007", "007"),
        ("DATA.PATH", "1_000", "1_000"),
        ("DATA.PATH", "null", "null"),
        ("DATA.PATH", "{images}", "{images}"),
        ("DATA.PATH", "", ""),
    ],
)
def test_settings_of_the_command_line(key, word, value):
    node = changed(key, word)
    for part in key.split("."):
        node = node[part]
    assert node == value
    assert type(node) is type(value)


def test_later_settings_win():
    assert changed("SEED", 1, "SEED", 2).SEED == 2


def test_options_of_the_architecture_are_free():
    recipe = changed("ENCODER.OPTIONS.init_values", "0.1", "ENCODER.OPTIONS.qkv_bias", "False")
    assert dict(recipe.ENCODER.OPTIONS) == {"init_values": 0.1, "qkv_bias": False}


def test_words_that_yaml_takes_for_numbers_only_with_a_point(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("METHOD: mae\nOPTIM: {LR: 1e-4}\nDATA: {PATH: 2012}\n")
    recipe = load_recipe(file)
    assert recipe.OPTIM.LR == 1e-4
    assert recipe.DATA.PATH == "2012"


def test_recipes_are_independent():
    changed("OPTIM.BETAS", "[0.5, 0.5]", "ENCODER.OPTIONS.init_values", 0.1)
    assert differences(load_recipe(SMALL), load_recipe(SMALL)) == []
    assert load_recipe(SMALL).OPTIM.BETAS == [0.9, 0.999]
    assert not load_recipe(SMALL).ENCODER.OPTIONS


def test_differences_name_settings_and_values():
    first = changed("SEED", 3, "ENCODER.OPTIONS.init_values", 0.1, "NOTE", "other")
    assert differences(changed(), first) == ["SEED: 0 -> 3", "ENCODER.OPTIONS.init_values: None -> 0.1"]
    assert differences(first, changed()) == ["SEED: 3 -> 0", "ENCODER.OPTIONS.init_values: 0.1 -> None"]


def test_frozen():
    with pytest.raises(AttributeError):
        load_recipe(SMALL).SEED = 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("HYBRID.LAMDA", r"HYBRID\.LAMDA is no key of a recipe: did you mean HYBRID\.LAMBDA\?"),
        ("LR", r"did you mean OPTIM\.LR\?"),
        ("optim.lr", r"optim\.lr is no key .* did you mean OPTIM\.LR\?"),
        ("LAMDA", r"LAMDA is no key of a recipe: did you mean HYBRID\.LAMBDA\?"),
        ("EPOCHS", r"did you mean SCHEDULE\.EPOCHS\?"),
        ("SEED.X", r"did you mean SEED\?"),
        ("NOTHING.LIKE.IT", r"groups are METHOD, NOTE"),
        ("", r"is no key"),
        ("OPTIM.", r"is no key"),
    ],
)
def test_unknown_keys(key, message):
    with pytest.raises(ValueError, match=message):
        changed(key, 1)


@pytest.mark.parametrize(
    ("key", "word", "message"),
    [
        ("TRAIN.BATCH", "many", r"TRAIN\.BATCH is 'many' \(str\), expected a whole number, such as 256"),
        ("TRAIN.BATCH", "2.5", r"TRAIN\.BATCH is 2\.5 \(float\), expected a whole number"),
        ("TRAIN.BATCH", "True", r"TRAIN\.BATCH is True \(bool\)"),
        ("OPTIM.LR", "fast", r"OPTIM\.LR is 'fast' \(str\), expected a number"),
        ("OPTIM.LR", "None", r"OPTIM\.LR is None"),
        ("OPTIM.LR", "[1]", r"OPTIM\.LR is \[1\] \(list\)"),
        ("OPTIM.LR", "True", r"OPTIM\.LR is True"),
        ("TRAIN.COMPILE", "1", r"TRAIN\.COMPILE is 1 \(int\), expected True or False"),
        ("OPTIM.BETAS", "0.9", r"OPTIM\.BETAS is 0\.9, expected a list of 2 numbers"),
        ("OPTIM.BETAS", "[0.9]", r"expected a list of 2 numbers"),
        ("DATA.MEAN", "[a, b, c]", r"DATA\.MEAN is .* expected a list of 3 numbers"),
        ("SCHEDULE.MILESTONES", "[0.5]", r"expected a list of whole numbers"),
        ("SCHEDULE.MILESTONES", "700", r"expected a list of whole numbers"),
        ("ENCODER", "vit", r"ENCODER is 'vit', but it is a group of settings: ENCODER\.ARCH, "),
        ("ENCODER.OPTIONS", "1", r"is a group of settings: ENCODER\.OPTIONS\.NAME"),
    ],
)
def test_wrong_types(key, word, message):
    with pytest.raises(ValueError, match=message):
        changed(key, word)


@pytest.mark.parametrize(
    ("opts", "message"),
    [
        ("METHOD dino", r"METHOD is 'dino', expected one of mocov3, simmim, mae, hybrid, supervised, finetune"),
        ("TRAIN.PRECISION half", r"TRAIN\.PRECISION is 'half', expected one of float32, bfloat16, float16"),
        ("SCHEDULE.NAME linear", r"SCHEDULE\.NAME is 'linear', expected one of cosine, multistep, timm_cosine"),
        ("OPTIM.NAME sgd", r"expected one of adamw, lars"),
        ("OPTIM.DECAY some", r"expected one of all, matrices, weights"),
        ("ENCODER.POSITIONS none", r"expected one of learned, sincos"),
        ("ENCODER.INIT zero", r"expected one of method, timm"),
        ("HYBRID.LAMBDA 1.1", r"HYBRID\.LAMBDA is 1\.1, expected at most 1"),
        ("HYBRID.LAMBDA -0.1", r"HYBRID\.LAMBDA is -0\.1, expected 0 or more"),
        ("HYBRID.LAMBDA nan", r"HYBRID\.LAMBDA is nan"),
        ("OPTIM.LR 0", r"OPTIM\.LR is 0\.0, expected positive"),
        ("OPTIM.LR inf", r"OPTIM\.LR is inf"),
        ("SIMMIM.RATIO 1.5", r"SIMMIM\.RATIO is 1\.5, expected at most 1"),
        ("MAE.RATIO 0", r"MAE\.RATIO is 0\.0, expected positive"),
        ("TRAIN.BATCH 0", r"TRAIN\.BATCH is 0, expected positive"),
        ("SEED -1", r"SEED is -1, expected 0 or more"),
        ("OPTIM.BETAS [0.9,1.0]", r"OPTIM\.BETAS is \[0\.9, 1\.0\], expected below 1"),
        ("DATA.STD [0.2,0,0.2]", r"DATA\.STD is \[0\.2, 0\.0, 0\.2\], expected positive"),
        ("DATA.MEAN [0.2,nan,0.2]", r"DATA\.MEAN is .*, expected finite"),
        ("VIEWS.CONTRASTIVE.BLUR [1,2]", r"VIEWS\.CONTRASTIVE\.BLUR is \[1\.0, 2\.0\], expected at most 1"),
        ("VIEWS.MIM.SCALE [0.9,0.5]", r"VIEWS\.MIM\.SCALE is \[0\.9, 0\.5\], expected the smallest share .* first"),
        ("ENCODER.PATCH_SIZE 5", r"ENCODER\.PATCH_SIZE is 5, expected a divisor of ENCODER\.IMG_SIZE, 32"),
        ("ENCODER.NUM_HEADS 7", r"ENCODER\.NUM_HEADS is 7, expected a divisor of ENCODER\.EMBED_DIM, 96"),
        ("ENCODER.EMBED_DIM 93", r"ENCODER\.EMBED_DIM is 93, expected a multiple of 4"),
        ("METHOD simmim SIMMIM.MASK_PATCH 6", r"SIMMIM\.MASK_PATCH is 6, expected a multiple of .* 4, that divides"),
        ("METHOD hybrid SIMMIM.MASK_PATCH 12", r"SIMMIM\.MASK_PATCH is 12, .* that divides ENCODER\.IMG_SIZE, 32"),
        ("METHOD mae MAE.RATIO 0.99", r"MAE\.RATIO is 0\.99, expected less: of 64 patches none would stay visible"),
        ("METHOD mae MAE.DECODER_HEADS 3", r"MAE\.DECODER_DIM is 512, expected a multiple .* MAE\.DECODER_HEADS, 3"),
        ("SCHEDULE.WARMUP_EPOCHS 22", r"SCHEDULE\.WARMUP_EPOCHS is 22, expected at most SCHEDULE\.EPOCHS, 21"),
        ("SCHEDULE.MILESTONES [9,7]", r"SCHEDULE\.MILESTONES is \[9, 7\], expected rising epochs"),
        ("TRAIN.ACCUMULATE 3", r"TRAIN\.BATCH is 256, expected a multiple of TRAIN\.ACCUMULATE, 3"),
        ("TRAIN.BATCH 1", r"TRAIN\.BATCH is 1 .* two images or more .* METHOD mocov3"),
    ],
)
def test_values_out_of_range(opts, message):
    with pytest.raises(ValueError, match=message):
        changed(*opts.split())


def test_all_faults_are_named_at_once():
    with pytest.raises(ValueError, match=r"METHOD is 'x'.*; OPTIM\.LR is -1\.0"):
        changed("METHOD", "x", "OPTIM.LR", -1)


def test_a_value_without_a_key():
    with pytest.raises(ValueError, match=r"opts SEED 1 OPTIM\.LR has 3 parts, expected pairs of a key and a value"):
        changed("SEED", 1, "OPTIM.LR")


def test_unknown_recipe():
    with pytest.raises(ValueError, match=r"recipe 'mini_moco' is not known: choose one of finetune_mae.*mini_mocov3"):
        load_recipe("mini_moco")


def test_no_such_file(tmp_path):
    with pytest.raises(OSError, match=r"own\.yaml cannot be read \(No such file or directory\): give the path"):
        load_recipe(tmp_path / "own.yaml")
    with pytest.raises(OSError, match="cannot be read"):
        load_recipe(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("METHOD: [mae", r"own\.yaml: no valid YAML: .*line 2"),
        ("- METHOD", r"own\.yaml: holds a list, expected keys and values"),
        ("mae", r"own\.yaml: holds a str"),
        ("OPTIM: {LRR: 1}", r"own\.yaml: OPTIM\.LRR is no key of a recipe: did you mean OPTIM\.LR"),
        ("OPTIM: 3", r"own\.yaml: OPTIM is 3, but it is a group"),
        ("SEED: {X: 3}", r"own\.yaml: SEED\.X is no key"),
        ("1: 3", r"own\.yaml: 1 is no key"),
        ("OPTIM: {LR: !!python/object/apply:os.getpid []}", r"own\.yaml: no valid YAML"),
    ],
)
def test_malformed_files(tmp_path, text, message):
    file = tmp_path / "own.yaml"
    file.write_text(text + "\n")
    with pytest.raises(ValueError, match=f"(?s){message}"):
        load_recipe(file)


def test_no_text(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"own\.yaml is no text in UTF-8"):
        load_recipe(file)
    with pytest.raises(ValueError, match="no valid YAML"):
        parsed("METHOD: \x00")
