"""Which images stand beside which, and the ratio of two accuracies."""

import math

import pytest
import torch

from probing.data import labelled_images
from probing.evaluation.shifted import class_numbers, comparison, relative_accuracy

from ._made import folder


@pytest.fixture
def clean(tmp_path):
    return labelled_images(str(folder(tmp_path / "clean", [f"{c}/{n}" for c in "abc" for n in range(3)])))


def test_same_names_are_paired_whatever_their_suffix(clean, tmp_path):
    other = labelled_images(str(folder(tmp_path / "other", ["c/0", "a/2", "a/0"], kind="bmp")))
    found = comparison(clean, other)
    assert found.paired
    assert [clean.names[index] for index in found.clean] == ["a/0.png", "a/2.png", "c/0.png"]
    assert other.names == ("a/0.bmp", "a/2.bmp", "c/0.bmp")


def test_other_names_are_not(clean, tmp_path):
    found = comparison(clean, labelled_images(str(folder(tmp_path / "other", ["c/0", "a/new"]))))
    assert (found.clean, found.paired) == ((0, 1, 2, 6, 7, 8), False)


def test_errors(clean, tmp_path):
    with pytest.raises(ValueError, match="have no class in common"):
        comparison(clean, labelled_images(str(folder(tmp_path / "other", ["x/0", "y/0"]))))
    double = folder(folder(tmp_path / "two", ["a/0", "b/0"]), ["a/0"], kind="bmp")
    with pytest.raises(ValueError, match="has two images a/0, which only their suffixes tell apart"):
        comparison(labelled_images(str(double)), clean)
    with pytest.raises(ValueError, match=r"images of b, c, which are none of the 2 classes .*\(a, z\)"):
        class_numbers(clean, ["a", "z"])


def test_ratio():
    clean = torch.tensor([True] * 60 + [False] * 40)
    shifted = torch.tensor([True] * 30 + [False] * 70)
    ratio, low, high = relative_accuracy(shifted, clean, paired=True)
    assert ratio == 0.5
    half = 1.96 * math.sqrt(0.5 * 0.5 / 60)  # a share of 60 images that are right when clean
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.02)
    _, below, above = relative_accuracy(shifted, clean, paired=False)
    assert above - below > 1.15 * (high - low)  # what pairing saves
    same = relative_accuracy(clean, clean, paired=True)
    assert same == (1, 1, 1)


def test_nothing_right_is_nan():
    wrong = torch.zeros(9, dtype=torch.bool)
    assert all(math.isnan(number) for number in relative_accuracy(wrong, wrong, paired=True))
    assert math.isnan(relative_accuracy(~wrong[:1], ~wrong[:1], paired=True)[1])
