"""`python -m probing dense` from end to end on drawn shapes and folders."""

import numpy as np
import pytest
import torch
from PIL import Image

from models import image_transform, load_model, token_layout
from probing.__main__ import main
from probing.dense.drawing import dense_figure, miou_figure
from probing.table import read_results
from study.record import read_manifest
from tests.probing.dense._files import write_pairs

SMALL = ["--limit", "6", "--epochs", "2", "--device", "cpu", "--batch-size", "4"]


def dense(out, *more, model=("mini-random",), data="shapes"):
    return main(["dense", "--model", *model, "--data", str(data), "--out", str(out), *SMALL, *more])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    assert dense(folder, model=("mini-simmim", "mini-random")) == 0
    return folder


def test_table_manifest_and_figure(out):
    table = read_results(out)
    assert len(table) == 2 * 9 * 2 and set(table["metric"]) == {"miou", "pixel_accuracy"}
    assert set(table["pooling"]) == {"tokens"} and set(table["head"]) == {"dense_linear"}
    assert sorted(table["layer"].unique()) == list(range(9)) and set(table["images"]) == {6}
    assert (table["low"] <= table["value"] + 1e-9).all() and (table["value"] <= table["high"] + 1e-9).all()
    assert table["recipe"].unique().tolist() == [
        "dense-v1: adamw, lr 0.01 cosine, weight decay 0.0001, batch 16, 2 epochs, batch norm, norm none, seed 0"
    ]
    known = read_manifest(out / "probing.json")
    assert known["classes"] == ["background", "circle", "square", "triangle"]
    assert set(known["models"]) == {"mini-simmim", "mini-random"} and known["data"]["test"]["where"] == "shapes-test"
    best = table[(table["model"] == "mini-simmim") & (table["metric"] == "miou")].set_index("layer")["value"]
    chosen = known["best_layer"]["mini-simmim"]
    assert best[chosen] == best.max()
    of_classes = [value for value in known["class_iou"]["mini-simmim"][str(chosen)].values() if value is not None]
    assert np.mean(of_classes) == pytest.approx(best.max(), abs=1e-12)
    assert Image.open(out / "dense.png").size[0] > 800


def test_the_same_command_trains_nothing_again(out, capsys, monkeypatch):
    before = (out / "probing.csv").read_bytes()
    monkeypatch.setattr("probing.dense.training._Training.epoch", None)
    monkeypatch.setattr("probing.features.frozen.Frozen.over", None)
    assert dense(out, model=("mini-simmim", "mini-random")) == 0
    assert (out / "probing.csv").read_bytes() == before
    assert "mini-simmim: mIoU at most" in capsys.readouterr().out


def test_passing_images_each_epoch_gives_what_the_cache_gives(out, tmp_path):
    assert dense(tmp_path, "--tokens", "pass", "--layers", "0", "-1", "--workers", "2") == 0
    passed, cached = read_results(tmp_path), read_results(out)
    cached = cached[(cached["model"] == "mini-random") & cached["layer"].isin([0, 8])]
    np.testing.assert_allclose(passed["value"], cached["value"], atol=2e-3)  # batches of other sizes round otherwise
    assert not (tmp_path / "features").exists()


def test_folders(tmp_path, capsys):
    for split, seed in (("train", 0), ("val", 1)):
        write_pairs(tmp_path / "set" / split, seed=seed)
    (tmp_path / "set" / "val" / "masks" / "3.png").unlink()
    (tmp_path / "names.txt").write_text("sky\nsea\nsand\n")
    more = ["--layers", "1", "--norm", "final", "--classes", str(tmp_path / "names.txt"), "--optimiser", "sgd"]
    assert dense(tmp_path / "out", *more, data=tmp_path / "set") == 0
    assert "1 files have no partner and are left out: images/3.png" in capsys.readouterr().err
    table = read_results(tmp_path / "out")
    assert set(table["layer"]) == {1} and set(table["images"]) == {3} and "norm final" in table["recipe"][0]
    assert list(read_manifest(tmp_path / "out" / "probing.json")["class_iou"]["mini-random"]["1"]) == [
        *("sky", "sea", "sand")
    ]


def test_perfect_where_tokens_are_the_classes(tmp_path):
    """The truth that the model's patches see, laid on patches, predicts itself."""
    from probing.dense.data import masked_images
    from probing.dense.evaluation import confusion, mean_iou
    from probing.dense.run import truth

    model, pairs = load_model("mini-random"), masked_images("shapes:64", limit=2)

    class Nothing:
        layout = token_layout(model)

    masks = truth(model, pairs, Nothing(), 2).masks([0, 1])
    assert masks.shape[1:] == image_transform(model)(pairs[0].image).shape[1:]
    np.testing.assert_array_equal(masks[0], pairs[0].mask[1::2, 1::2])  # the nearest of an image of twice the side
    assert (mean_iou(confusion(masks, masks, 4)) == 1).all()


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--layers", "9"], "layer 9: there are 0 (the embedding) to 8 (the last block's output)"),
        (["--epochs", "0"], "epochs=0; expected at least 1"),
        (["--lr", "-1"], "lr=-1.0; expected a learning rate above 0"),
        (["--test", "nowhere"], "there is no folder or zip nowhere/images"),
    ],
)
def test_wrong_options(more, text, tmp_path, capsys):
    assert dense(tmp_path, *more) == 1
    assert text in capsys.readouterr().err


def test_test_masks_with_unknown_classes(tmp_path, capsys):
    write_pairs(tmp_path / "set" / "train", classes=2)
    write_pairs(tmp_path / "set" / "test", classes=3)
    assert dense(tmp_path / "out", data=tmp_path / "set") == 1
    assert "holds class 2, but there are 2, 0 to 1 (255 is ignored)" in capsys.readouterr().err


def test_a_state_of_another_training_is_refused(out, capsys):
    assert dense(out, "--lr", "0.5") == 1
    assert "holds the results of another command" in capsys.readouterr().err
    assert dense(out, "--lr", "0.5", "--overwrite") == 1
    assert "is a training of something else: recipe was dense-v1" in capsys.readouterr().err


def test_figures_of_many_classes_and_single_images(out):
    table = read_results(out)
    assert miou_figure(table.assign(low=np.nan, high=np.nan)).axes[0].get_ylabel().startswith("mIoU")
    mask = (torch.arange(64).reshape(8, 8) % 21).numpy().astype(np.uint8)
    mask[0, 0] = 255
    figure = dense_figure(table, [np.zeros((8, 8, 3))], [mask], {"a": [mask]}, [f"class {n}" for n in range(21)])
    figure.canvas.draw()
