"""What each method sees of an image, from seed, epoch and index alone."""

import pickle

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from pretraining.data import Samples, open_collection
from pretraining.data.samples import Batch, contrastive_views, mim_view, sample_maker, supervised_view

IMAGE, MASK, NOISE = ((8, 8, 3), np.uint8), ((4, 4), np.int64), ((16,), np.float32)
SEEN = {
    "mocov3": {"view1": IMAGE, "view2": IMAGE},
    "simmim": {"image": IMAGE, "mask": MASK},
    "mae": {"image": IMAGE, "noise": NOISE},
    "hybrid": {"image": IMAGE, "mask": MASK, "view1": IMAGE, "view2": IMAGE},
    "supervised": {"image": IMAGE, "label": ((), np.int64)},
    "finetune": {"image": ((3, 8, 8), np.float32), "label": ((), np.int64)},
}


def equal(first, second):
    return first.keys() == second.keys() and all((first[name] == second[name]).all() for name in first)


@pytest.mark.parametrize("method", SEEN)
def test_what_a_method_sees(method, collection, recipe):
    sample = Samples(collection, recipe(method))[0, 5]
    assert {name: (np.shape(value), value.dtype) for name, value in sample.items()} == {
        "index": ((), np.int64),
        **SEEN[method],
    }
    assert sample["index"] == 5


@pytest.mark.parametrize("method", SEEN)
def test_same_whoever_asks_and_when(method, collection, recipe):
    samples = Samples(collection, recipe(method))
    first = samples[1, 4]
    samples[0, 0], samples[1, 5]
    assert equal(first, samples[1, 4])
    assert equal(first, pickle.loads(pickle.dumps(samples))[1, 4])


@pytest.mark.parametrize("method", SEEN)
def test_seed_epoch_and_index_change_it(method, collection, recipe):
    names = set(SEEN[method]) - {"label"}
    base = Samples(collection, recipe(method))[1, 4]
    for other in (Samples(collection, recipe(method))[2, 4], Samples(collection, recipe(method, "SEED", 4))[1, 4]):
        assert any((base[name] != other[name]).any() for name in names)
    same_picture = Samples([collection[4]] * 6, recipe("simmim"))
    assert (same_picture[1, 4]["image"] != same_picture[1, 5]["image"]).any()


@pytest.mark.parametrize(("weight", "method"), [(0.0, "simmim"), (1.0, "mocov3")])
def test_a_hybrid_of_one_loss_sees_what_that_method_sees(weight, method, collection, recipe):
    hybrid = Samples(collection, recipe("hybrid", "HYBRID.LAMBDA", weight))
    assert equal(hybrid[1, 4], Samples(collection, recipe(method))[1, 4])


def test_a_hybrid_of_both_draws_the_masked_part_first(collection, recipe):
    """Trainings that were begun go on with the same draws."""
    view, parts = recipe("hybrid"), Samples(collection, recipe("hybrid"))[1, 4]
    alone = Samples(collection, recipe("simmim"))[1, 4]
    assert all((parts[name] == alone[name]).all() for name in ("image", "mask"))
    generator = np.random.default_rng([2, 3, 1, 4])
    sample_maker(recipe("simmim"))(collection[4], generator)
    first, second = contrastive_views(view)
    assert (parts["view1"] == np.asarray(first(collection[4], generator))).all()
    assert (parts["view2"] == np.asarray(second(collection[4], generator))).all()


def test_the_two_views_differ(collection, recipe):
    sample = Samples(collection, recipe("mocov3"))[0, 0]
    assert (sample["view1"] != sample["view2"]).any()


def test_views_follow_the_recipe(recipe):
    first, second = contrastive_views(recipe("hybrid"))
    assert (first.blur, first.solarise, second.blur, second.solarise) == (1.0, 0.0, 0.1, 0.2)
    assert first.jitter == second.jitter == (0.4, 0.4, 0.2, 0.1) and first.jitter_p == 0.8 and first.grey == 0.2
    assert first.scale == (0.2, 1.0) and mim_view(recipe("simmim")).scale == (0.67, 1.0)
    assert mim_view(recipe("mae")).bicubic and not mim_view(recipe("simmim")).bicubic
    assert supervised_view(recipe("supervised")).jitter_p == 1.0
    plain = supervised_view(recipe("supervised", "VIEWS.SUPERVISED.JITTER", [0.0, 0.0, 0.0, 0.0]))
    assert plain.jitter_p == 0.0


def test_label_is_the_class(collection, recipe):
    samples = Samples(collection, recipe("supervised"))
    assert [int(samples[0, index]["label"]) for index in (0, 10, 11, 20)] == [0, 0, 1, 1]


def test_batch_is_normalised_as_torchvision_does():
    generator = np.random.default_rng(0)
    samples = [{"index": np.int64(i), "image": generator.integers(0, 256, (6, 4, 3), np.uint8)} for i in range(3)]
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
    batch = Batch(mean, std)(samples)
    official = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
    expected = torch.stack([official(sample["image"]) for sample in samples])
    torch.testing.assert_close(batch["image"], expected, rtol=1e-6, atol=1e-6)
    assert batch["image"].is_contiguous() and batch["index"].tolist() == [0, 1, 2]
    assert batch["index"].dtype == torch.int64


@pytest.mark.parametrize("method", ["supervised", "finetune"])
def test_who_needs_labels(method, tmp_path, collection, recipe):
    collection[0].save(tmp_path / "one.png")
    with pytest.raises(ValueError, match=rf"METHOD={method} needs labels, and .* has none; expected one folder"):
        Samples(open_collection(tmp_path), recipe(method))


def test_unknown_method(collection, recipe):
    with pytest.raises(ValueError, match="METHOD='dino'; expected one of mocov3, simmim, mae, hybrid, supervised"):
        Samples(collection, recipe("dino"))
