"""Shape and texture from the names of cue-conflict images."""

import os

import pytest

from probing.evaluation.cue_conflict import Cues, cue_numbers, cues_of
from probing.evaluation.sixteen_classes import SIXTEEN


def test_names():
    assert cues_of("cat/cat1-elephant2.jpg") == Cues("cat", "elephant")
    assert cues_of("some/folder/knife/knife10-clock3.png") == Cues("knife", "clock")
    assert cues_of("bear4-bear3.jpg") == Cues("bear", "bear")


def test_the_real_set(data):
    names = [f"{name}/{file}" for name in SIXTEEN for file in os.listdir(data / "cue-conflict" / name)]
    shape, texture = cue_numbers(names)
    assert len(shape) == 1280
    assert shape.bincount().tolist() == texture.bincount().tolist() == [80] * 16
    assert int((shape != texture).sum()) == 1200


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cat/cat1.jpg", r"cat/cat1.jpg does not say its shape and texture; expected names such as cat1-elephant2"),
        ("cat/cat-elephant.jpg", "does not say"),
        ("cat/cat1-zebra2.jpg", r"cat/cat1-zebra2.jpg: zebra is none of the 16 classes airplane, bear"),
        ("dog/cat1-elephant2.jpg", r"dog/cat1-elephant2.jpg lies in folder dog and says shape cat"),
    ],
)
def test_errors_name_the_file(name, text):
    with pytest.raises(ValueError, match=text):
        cues_of(name)


def test_no_conflict_at_all():
    with pytest.raises(ValueError, match="none of 2 images has the shape of one class and the texture of another"):
        cue_numbers(["cat/cat1-cat2.jpg", "dog/dog1-dog1.jpg"])
