"""What a method writes is read again, as a checkpoint and as an export, to the last value."""

import json

import pandas as pd
import pytest
import torch
from safetensors import safe_open

from models import inspect_checkpoint, load_decoder, load_model
from pretraining.__main__ import main
from pretraining.export import export, without_folders
from pretraining.objectives import build_objective
from pretraining.optimisation import build_optimiser
from pretraining.recipe import load_recipe
from pretraining.training.checkpoint import Standing, save
from study.model_set import is_miniature

SMALL = [
    *("ENCODER.EMBED_DIM", 24, "ENCODER.DEPTH", 2, "ENCODER.NUM_HEADS", 3, "ENCODER.IMG_SIZE", 16),
    *("MOCOV3.DIM", 8, "MOCOV3.HIDDEN", 16, "MAE.DECODER_DIM", 16, "MAE.DECODER_DEPTH", 1, "MAE.DECODER_HEADS", 2),
    *("HYBRID.DECODER_DEPTH", 1, "DATA.MEAN", [0.1, 0.2, 0.3], "DATA.STD", [0.4, 0.5, 0.6]),
]
BEIT = ["ENCODER.ARCH", "beit_base_patch16_224", "ENCODER.POSITIONS", "learned"]
FAMILIES = {"mocov3": "mocov3", "simmim": "simmim", "mae": "mae", "hybrid": "hybrid", "supervised": "timm"}
COMMAND = "python -m pretraining METHOD --data /somewhere/cifar10.zip/train --out /elsewhere/run"


@pytest.fixture
def trained(tmp_path):
    """`trained(method, *opts)`: an objective in eval mode, and the path of a checkpoint that holds it."""

    def made(method, *opts):
        recipe = load_recipe(f"mini_{method}", [str(item) for item in (*SMALL, *opts)])
        torch.manual_seed(1)
        objective = build_objective(recipe, classes=2)
        for parameter in objective.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        standing = Standing(512, "f00d", {"loss": 0.5}, COMMAND.replace("METHOD", method))
        path = tmp_path / "checkpoint.pth"
        save(
            path, standing, recipe, objective, build_optimiser(objective, recipe), torch.amp.GradScaler("cpu"), epoch=2
        )
        return objective.eval(), path

    return made


def assert_same_features(model, encoder, **tolerance):
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        tokens = encoder.forward_features(images)
        torch.testing.assert_close(model.forward_features(images), tokens, **{"rtol": 0, "atol": 0, **tolerance})


@pytest.mark.parametrize("method", FAMILIES)
def test_load_model_reads_every_methods_checkpoint(method, trained):
    objective, path = trained(method)
    model = load_model(path)
    assert_same_features(model, objective.encoder)
    known = model.passport
    assert known == inspect_checkpoint(path)
    assert (known.family, known.heads, known.saw_labels) == (FAMILIES[method], 3, method == "supervised")
    assert known.licence is None and "512 images seen" in known.note
    assert (model.pretrained_cfg["mean"], model.pretrained_cfg["std"]) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize("method", ["mocov3", "simmim", "hybrid"])
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "per block"])
def test_encoders_with_relative_positions(method, shared, trained, tmp_path):
    tables = {"use_shared_rel_pos_bias": shared, "use_rel_pos_bias": not shared, "use_abs_pos_emb": not shared}
    options = [word for name, value in tables.items() for word in (f"ENCODER.OPTIONS.{name}", value)]
    objective, path = trained(method, *BEIT, *options)
    assert_same_features(load_model(path), objective.encoder)
    [weights, _] = export(path, tmp_path / "beit.safetensors")
    assert_same_features(load_model(weights), objective.encoder)


@pytest.mark.parametrize("method", ["mocov3", "hybrid"])
def test_the_momentum_encoder_is_a_part(method, trained):
    objective, path = trained(method)
    assert_same_features(load_model(path, part="momentum_encoder"), objective.momentum_encoder)


def test_the_supervised_classifier_is_kept_in_the_checkpoint_and_left_out_of_the_export(trained, tmp_path):
    objective, path = trained("supervised")
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(load_model(path)(images), objective.encoder(images), rtol=0, atol=0)
    export(path, tmp_path / "out.safetensors")
    assert load_model(tmp_path / "out.safetensors").num_classes == 0


def test_the_decoder_of_mae_is_read_too(trained):
    objective, path = trained("mae")
    decoder = load_decoder(path, num_heads=2)
    torch.testing.assert_close(decoder.state_dict(), objective.decoder.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("method", FAMILIES)
def test_an_export_is_the_encoder_and_its_card(method, trained, tmp_path):
    objective, path = trained(method)
    weights, card = export(path, tmp_path / "new" / "mine.safetensors")
    model = load_model(weights)
    assert_same_features(model, objective.encoder)
    assert (model.passport.heads, model.passport.licence) == (3, None)
    assert model.passport.saw_labels == (method == "supervised")
    assert model.passport.family == FAMILIES[method] and not is_miniature(model)
    assert model.pretrained_cfg["mean"] == (0.1, 0.2, 0.3)
    told = json.loads(card.read_text())
    assert told["images_seen"] == 512 and told["losses"] == {"loss": 0.5} and told["seed"] == 0
    assert f"METHOD: {method}" in told["recipe"] and told["torch"] == torch.__version__.split("+")[0]
    assert told["data"] == "cifar10.zip/train"
    assert "somewhere" not in card.read_text() and "elsewhere" not in card.read_text()
    assert "knn_accuracy" not in told and "licence" not in told and "changes" not in told


def test_the_card_tells_the_neighbours_of_these_very_weights(trained, tmp_path):
    _, path = trained("simmim", "WATCH.PATH", "/somewhere/cifar10.zip/test")
    rows = [(256, "knn_patches", 8, 0.1), (512, "knn_patches", 8, 0.25), (512, "attention_nmi", 8, 0.9)]
    rows += [(768, "knn_patches", 8, 0.3)]  # of a checkpoint that was not written any more
    table = pd.DataFrame(rows, columns=["images", "metric", "depth", "value"])
    table.to_csv(tmp_path / "diagnostics.csv", index=False)
    _, card = export(path, tmp_path / "mine.safetensors")
    assert json.loads(card.read_text())["knn_accuracy"] == {"patches": 0.25, "queries": "cifar10.zip/test"}


def test_the_licence_is_the_owners(trained, tmp_path):
    _, path = trained("simmim")
    typed = ["export", str(path), str(tmp_path / "mine.safetensors"), "--licence", "CC-BY-4.0"]
    assert main(typed) == 0
    assert load_model(tmp_path / "mine.safetensors").passport.licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("--data=/home/me/photos", "photos"),
        ("--data=imagenet:/home/me/ilsvrc", "imagenet:ilsvrc"),
        ("--data imagenet:/home/me/ilsvrc", "imagenet:ilsvrc"),
        ("--data cifar10:~/me/data", "cifar10:data"),
        ("--data=cifar10", "cifar10"),
    ],
)
def test_the_card_names_the_images_and_not_their_owner(given, shown, trained, tmp_path):
    _, path = trained("simmim", "WATCH.PATH", "imagenet-val:/home/me/ilsvrc")
    payload = torch.load(path, weights_only=True)
    payload["vit_anatomy"]["command"] = f"python -m pretraining simmim {given} --out=/home/me/run"
    torch.save(payload, path)
    _, card = export(path, tmp_path / "mine.safetensors")
    assert json.loads(card.read_text())["data"] == shown
    assert "me/" not in card.read_text() and "home" not in card.read_text()


def test_half_precision(trained, tmp_path):
    objective, path = trained("simmim")
    weights, _ = export(path, tmp_path / "half.safetensors", half=True)
    with safe_open(weights, "pt") as file:
        assert file.get_tensor("blocks.0.attn.qkv.weight").dtype == torch.float16
    model = load_model(weights)
    assert model.cls_token.dtype == torch.float32
    assert_same_features(model, objective.encoder, atol=0.01, rtol=0.01)  # float16 keeps 11 bits
    with torch.no_grad():
        assert not model.cls_token.equal(objective.encoder.cls_token)


def test_values_that_float16_cannot_hold_are_refused(trained, tmp_path):
    _, path = trained("simmim")
    payload = torch.load(path, weights_only=True)
    payload["model"]["encoder.norm.weight"][0] = 1e6
    torch.save(payload, path)
    with pytest.raises(ValueError, match=r"float16 cannot hold the values of norm\.weight; export in float32"):
        export(path, tmp_path / "half.safetensors", half=True)


def test_files_of_others_and_other_endings_are_refused(trained, tmp_path):
    objective, path = trained("simmim")
    with pytest.raises(ValueError, match=r"ends in \.safetensors"):
        export(path, tmp_path / "out.pth")
    torch.save({"model": objective.state_dict()}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="no entry 'vit_anatomy'"):
        export(tmp_path / "other.pth", tmp_path / "out.safetensors")


def test_commands_keep_what_is_known_elsewhere():
    command = "python -m pretraining mae --data '/a b/c10.ZIP/train' --out runs/x --opts WATCH.PATH /data/imagenet"
    shown = "python -m pretraining mae --data c10.ZIP/train --out runs/x --opts WATCH.PATH imagenet"
    assert without_folders(command) == shown
