"""Prepared images by number: noise and partners depend on the image alone."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close
from torchvision.transforms.functional import to_tensor

from ops import frequency_noise
from probing.evaluation.amplitude_swap import amplitude_swapped
from probing.evaluation.pictures import AmplitudeSwapped, Clean, Noisy, seed_of


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Random pictures that know their names."""

    names: tuple[str, ...]
    labels: tuple[int, ...] | None = None
    classes: tuple[str, ...] = ("a", "b", "c")
    where: str = "here"
    digest: str = ""

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        drawn = np.random.default_rng(seed_of(0, self.names[index])).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        return Image.fromarray(drawn)


NAMES = tuple(f"a/{number}.png" for number in range(6))
PICTURES = Pictures(NAMES, labels=(0, 0, 1, 1, 2, 2))


def test_noise_depends_on_image_band_and_seed_alone():
    options = {"frequency": 0.5, "epsilon": 0.7, "width": 0.2}
    everything = Noisy(PICTURES, to_tensor, **options)
    part = Noisy(Pictures(NAMES[3:]), to_tensor, **options)
    assert len(everything) == 6
    assert torch.equal(everything[4], part[1])
    assert torch.equal(everything[4], pickle.loads(pickle.dumps(everything))[4])
    noise = [everything[index] - Clean(PICTURES, to_tensor)[index] for index in range(2)]
    assert not torch.allclose(noise[0], noise[1], atol=0.01)
    for changed in ({"seed": 1}, {"frequency": 0.51}):
        assert not torch.allclose(Noisy(PICTURES, to_tensor, **{**options, **changed})[0], everything[0], atol=0.01)
    double = Noisy(PICTURES, to_tensor, **{**options, "epsilon": 1.4})[0] - Clean(PICTURES, to_tensor)[0]
    assert_close(double, 2 * noise[0], rtol=1e-4, atol=1e-5)


def test_noise_is_that_of_ops():
    generator = torch.Generator().manual_seed(seed_of(3, "0.300000", NAMES[2]))
    expected = frequency_noise(to_tensor(PICTURES[2]), frequency=0.3, epsilon=0.5, width=0.3, generator=generator)
    assert torch.equal(Noisy(PICTURES, to_tensor, 0.3, 0.5, 0.3, 3)[2], expected)


def test_partners_are_of_another_class_and_stay():
    swapped = AmplitudeSwapped(PICTURES, to_tensor)
    partners = [swapped.partner(index) for index in range(6)]
    assert all(PICTURES.labels[own] != PICTURES.labels[other] for own, other in enumerate(partners))
    assert partners == [AmplitudeSwapped(PICTURES, to_tensor).partner(index) for index in range(6)]
    assert (
        len({tuple(AmplitudeSwapped(PICTURES, to_tensor, seed).partner(n) for n in range(6)) for seed in range(5)}) > 1
    )
    expected = amplitude_swapped(to_tensor(PICTURES[1]), to_tensor(PICTURES[partners[1]]))
    assert torch.equal(swapped[1], expected)


def test_one_class_has_no_partners():
    for labels in (None, (1,) * 6):
        with pytest.raises(ValueError, match="here: expected images of two classes or more"):
            AmplitudeSwapped(Pictures(NAMES, labels), to_tensor)[0]


def test_seeds_are_the_same_everywhere():
    assert seed_of(0, "a") == seed_of(0, "a") != seed_of(0, "b")
    assert seed_of(1, "0.500000", "cat/cat1.png") == 2651129803186164555  # of sha256sum
