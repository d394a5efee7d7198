"""Token motion: against the tap by hand, any split of the images, and intervals as wide as the numbers really vary."""

import pytest
import torch
from torch.testing import assert_close

import ops
from models import image_transform, load_model, tap
from study.batches import batches
from study.data import open_images
from study.token_change import spread_change
from study.token_motion import TokenMotion, mean_changes, token_motion


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=5)


@pytest.fixture(scope="module")
def model():
    return load_model("mini-simmim")


@pytest.fixture(scope="module")
def motion(model, images):
    return token_motion(model, batches(images, image_transform(model), batch_size=2))


def test_it_is_what_the_tap_sees(motion, model, images):
    pixels = torch.stack([image_transform(model)(image) for image in images])
    with torch.inference_mode(), tap(model) as trace:
        model(pixels)
    for layer in (0, 7):
        before, after = trace.before_attention[layer][:, 1:], trace.after_attention[layer][:, 1:]
        assert_close(motion.centres[1, layer], after.double().mean(1), rtol=1e-4, atol=1e-4)  # float32, other batches
        assert_close(motion.common[layer].float(), ops.common_movement(before, after), rtol=1e-4, atol=1e-5)
        changes = spread_change(before, after)
        mean = {name: values[0, layer].float() for name, values in mean_changes(motion).items()}
        assert_close(mean["within"], changes["within"].mean(), rtol=1e-4, atol=1e-5)
        assert_close(mean["between"], changes["between"].mean(), rtol=1e-4, atol=1e-5)


def test_the_split_of_the_images_does_not_matter(motion, model, images):
    other = token_motion(model, batches(images, image_transform(model), batch_size=5))
    assert_close(other.centres, motion.centres, rtol=1e-4, atol=1e-4)  # float32, sums in another order
    assert_close(other.within, motion.within, rtol=1e-4, atol=1e-4)


def random_motion(images, seed):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(1, 1, images, 3, generator=generator, dtype=torch.float64)
    moved = centres * torch.tensor([1.5, 1.0, 0.5]) + 0.3 * torch.randn(centres.shape, generator=generator).double()
    within = torch.rand(2, 1, images, generator=generator).double() + 1
    return TokenMotion(within, torch.cat([centres, moved]), torch.rand(1, images, generator=generator).double())


def test_intervals_are_as_wide_as_the_means_vary():
    many = [mean_changes(random_motion(40, seed)) for seed in range(60)]
    for name in ("within", "between", "common"):
        values = torch.stack([found[name][:, 0] for found in many])
        width = (values[:, 2] - values[:, 1]).mean()
        assert width == pytest.approx(float(2 * 1.96 * values[:, 0].std()), rel=0.3), name  # 60 draws: 10 % of error


def test_pairs_of_drawn_images_by_loops():
    motion = random_motion(4, 0)
    drawn = [0, 0, 2, 3]
    squares = motion.between()[:, 0]
    ratios = []
    for one in drawn:
        sums = [sum(float(squares[when, one, other]) for other in drawn if other != one) for when in range(2)]
        ratios.append((sums[1] / sums[0]) ** 0.5)
    from study.token_motion import _pair_ratio

    shares = torch.tensor([[2, 0, 1, 1]]) / 4
    assert float(_pair_ratio(motion.between(), shares.double())) == pytest.approx(sum(ratios) / 4, rel=1e-12)


def test_ends_are_those_of_the_interval_of_a_mean():
    motion = random_motion(6, 0)
    found, ratios = mean_changes(motion, seed=1), motion.within[1] / motion.within[0]
    ends = ops.bootstrap_interval(ratios.T, seed=1)
    assert_close(found["within"][1:], torch.stack(ends), rtol=1e-12, atol=0)


@pytest.mark.parametrize("images", [1, 2])
def test_few_images_have_no_interval(images):
    found = mean_changes(random_motion(images, 0))
    assert found["between"][1:].isnan().all() and found["between"][0].isnan().all() == (images == 1)
    assert found["within"][1:].isnan().all() == (images == 1) and found["within"][0].isfinite().all()
