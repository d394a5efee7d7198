"""Random views: what may happen to an image, how often, in which order, and with torchvision's distributions."""

import random

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp
from torchvision.transforms import v2

from pretraining.data import views
from pretraining.data.views import View, crop_box, jittered


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture
def image(generator):
    return Image.fromarray(generator.integers(0, 256, (24, 32, 3), dtype=np.uint8))


def pixels(image):
    return np.asarray(image).astype(int)


def whole(size=16, **changes):
    """A view of all of a square image: only what is named happens."""
    return View(size=size, scale=(1.0, 1.0), **{"flip": 0.0, **changes})


@pytest.mark.parametrize("shape", [(32, 32), (40, 100), (300, 7)])
def test_crops_are_distributed_as_torchvisions(shape, generator):
    ours = np.array([crop_box(*shape, (0.2, 1.0), generator) for _ in range(1500)])
    official = v2.RandomResizedCrop(32, scale=(0.2, 1.0))
    drawn = [official.make_params([torch.empty(3, *shape)]) for _ in range(1500)]
    theirs = np.array([[one[name] for name in ("top", "left", "height", "width")] for one in drawn])
    assert min(ks_2samp(ours[:, i], theirs[:, i]).pvalue for i in range(4)) > 1e-4
    top, left, height, width = ours.T
    assert (top >= 0).all() and (left >= 0).all() and (height > 0).all() and (width > 0).all()
    assert (top + height <= shape[0]).all() and (left + width <= shape[1]).all()


def test_crop_of_a_square_keeps_to_the_scale(generator):
    areas = np.array([np.prod(crop_box(224, 224, (0.2, 0.5), generator)[2:]) for _ in range(500)]) / 224**2
    assert 0.19 < areas.min() < 0.23 and 0.47 < areas.max() < 0.51 and abs(areas.mean() - 0.35) < 0.02


def test_crop_that_never_fits_is_the_middle(generator):
    assert crop_box(300, 3, (0.9, 1.0), generator) == (148, 0, 4, 3)
    assert crop_box(3, 300, (0.9, 1.0), generator) == (0, 148, 3, 4)


def test_same_generator_same_view(image):
    view = View(16, (0.2, 1.0), jitter=(0.4, 0.4, 0.2, 0.1), jitter_p=0.8, grey=0.2, blur=0.5, solarise=0.2)
    first, second, other = (view(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.size == (16, 16) and first.mode == "RGB"
    assert (pixels(first) == pixels(second)).all() and (pixels(first) != pixels(other)).any()


def test_share_of_flips(generator):
    image = Image.fromarray(np.arange(16, dtype=np.uint8)[None, :, None].repeat(16, 0).repeat(3, 2) * 16)
    flipped = [pixels(whole(flip=0.3)(image, generator))[0, 0, 0] > 128 for _ in range(1000)]
    assert abs(np.mean(flipped) - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 1000)


def test_shares_of_grey_and_solarised(generator, image):
    image = image.resize((16, 16))
    found = [pixels(whole(grey=0.2)(image, generator)) for _ in range(500)]
    assert abs(np.mean([(one == one[..., :1]).all() for one in found]) - 0.2) < 5 * 0.4 / np.sqrt(500)
    inverted = [(pixels(whole(solarise=0.2)(image, generator)) < 128).all() for _ in range(500)]
    assert abs(np.mean(inverted) - 0.2) < 5 * 0.4 / np.sqrt(500)


def test_solarised_values(generator):
    image = Image.fromarray(np.array([0, 127, 128, 255] * 4, np.uint8)[None, :, None].repeat(16, 0).repeat(3, 2))
    assert pixels(whole(solarise=1.0)(image, generator))[0, :4, 0].tolist() == [0, 127, 127, 0]


def test_blur_takes_the_edges(generator, image):
    image = image.resize((16, 16))
    assert pixels(whole(blur=1.0)(image, generator)).var() < pixels(whole()(image, generator)).var()


def test_jitter_draws_uniform_amounts_in_every_order(monkeypatch, generator, image):
    calls = []
    for name in ("brightness", "contrast", "saturation", "hue"):

        def change(image, amount, name=name):
            calls.append((name, amount))
            return image

        monkeypatch.setattr(views.transforms, f"adjust_{name}", change)
    for _ in range(600):
        jittered(image, (0.4, 0.4, 1.5, 0.1), generator)
    orders = {tuple(name for name, _ in calls[i : i + 4]) for i in range(0, len(calls), 4)}
    assert len(orders) == 24
    for name, low, high in [("brightness", 0.6, 1.4), ("saturation", 0, 2.5), ("hue", -0.1, 0.1)]:
        amounts = np.array([amount for called, amount in calls if called == name])
        assert len(amounts) == 600 and low <= amounts.min() and amounts.max() <= high
        assert np.ptp(amounts) > 0.97 * (high - low) and abs(amounts.mean() - (low + high) / 2) < 0.06 * (high - low)


def test_jitter_is_torchvisions(image):
    """The four changes of torchvision, in the order and with the amounts that the generator draws."""
    ours = jittered(image, (0.4, 0.4, 0.2, 0.1), np.random.default_rng(7))
    again = np.random.default_rng(7)
    amounts = [again.uniform(0.6, 1.4), again.uniform(0.6, 1.4), again.uniform(0.8, 1.2), again.uniform(-0.1, 0.1)]
    official = v2.ColorJitter(0.4, 0.4, 0.2, 0.1)
    params = {
        "fn_idx": torch.from_numpy(again.permutation(4)),
        **dict(zip(["brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"], amounts, strict=True)),
    }
    np.testing.assert_array_equal(pixels(ours), pixels(official.transform(image, params)))


def test_order_is_crop_jitter_grey_blur_solarise_flip(monkeypatch, generator, image):
    called = []

    def watched(name):
        function = getattr(views.transforms, name)
        monkeypatch.setattr(views.transforms, name, lambda *given: called.append(name) or function(*given))

    for name in ("resized_crop", "adjust_hue", "rgb_to_grayscale", "solarize", "horizontal_flip"):
        watched(name)
    blur = views.ImageFilter.GaussianBlur
    monkeypatch.setattr(views.ImageFilter, "GaussianBlur", lambda sigma: called.append("blur") or blur(sigma))
    view = View(8, (0.2, 1.0), flip=1.0, jitter=(0.1,) * 4, jitter_p=1.0, grey=1.0, blur=1.0, solarise=1.0)
    view(image, generator)
    assert called == ["resized_crop", "adjust_hue", "rgb_to_grayscale", "blur", "solarize", "horizontal_flip"]


def test_bicubic_is_another_interpolation(image):
    linear, cubic = (View(16, (0.5, 1.0), bicubic=one)(image, np.random.default_rng(0)) for one in (False, True))
    assert (pixels(linear) != pixels(cubic)).any()


def test_global_generators_are_neither_read_nor_changed(image):
    view = View(16, (0.2, 1.0), jitter=(0.4, 0.4, 0.2, 0.1), jitter_p=1.0, grey=0.5, blur=0.5, solarise=0.5)
    found, states = [], []
    for seed in (1, 2):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)  # noqa: NPY002
        before = _states()
        found.append(pixels(view(image, np.random.default_rng(0))))
        states.append(before == _states())
    assert all(states) and (found[0] == found[1]).all()


def _states():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
