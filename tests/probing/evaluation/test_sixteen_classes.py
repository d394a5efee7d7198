"""ImageNet's classes as 16: the published list, the mean of probabilities, which probes can be used."""

import math
import os

import pytest
import torch
from torch.testing import assert_close

from probing.evaluation.sixteen_classes import MEMBERS, SIXTEEN, scores_of_sixteen, sixteen_from_imagenet

COUNTS = [1, 4, 2, 49, 5, 7, 3, 6, 4, 3, 109, 2, 2, 1, 1, 8]  # of the public list, in alphabetical order


def test_the_classes_are_those_of_the_public_list():
    assert list(SIXTEEN) == sorted(SIXTEEN)
    assert [len(MEMBERS[name]) for name in SIXTEEN] == COUNTS
    everything = [number for members in MEMBERS.values() for number in members]
    assert len(everything) == len(set(everything)) == 207
    assert all(list(members) == sorted(members) for members in MEMBERS.values())
    assert {8, 22, 24, 100, 145} <= set(MEMBERS["bird"])
    assert not {7, 9, 17, 21, 84, 97, 134, 146} & set(MEMBERS["bird"])
    assert not {151, 192, 204, 227, 242, 251, 258, 260, 264, 269} & set(MEMBERS["dog"])


def test_names_of_the_photographs_are_of_their_class(data):
    """Sorted WordNet ids are ImageNet's order."""
    names = sorted(os.listdir(data / "imagenet-sample"))
    assert len(names) == 1000
    shown = {name: [names[number].split("_", 1)[1].split(".")[0] for number in MEMBERS[name]] for name in SIXTEEN}
    assert shown["airplane"] == ["airliner"]
    assert shown["bear"] == ["brown_bear", "American_black_bear", "ice_bear", "sloth_bear"]
    assert shown["elephant"] == ["Indian_elephant", "African_elephant"]
    assert shown["clock"] == ["analog_clock", "digital_clock", "wall_clock"]
    assert {"hen", "robin", "bald_eagle", "flamingo", "king_penguin"} <= set(shown["bird"])
    assert {"beagle", "golden_retriever", "collie", "pug", "Mexican_hairless"} <= set(shown["dog"])
    assert all("bottle" in name or "jug" in name for name in shown["bottle"])
    ids = [names[number].split("_")[0] for name in ("dog", "bird") for number in (MEMBERS[name][0], MEMBERS[name][-1])]
    assert ids == ["n02085782", "n02113978", "n01514859", "n02056570"]  # first and last of the list's WordNet ids


def test_mean_of_probabilities_by_hand():
    logits = torch.randn(3, 1000, dtype=torch.float64)
    found = sixteen_from_imagenet(logits)
    for image in range(3):
        total = sum(math.exp(value) for value in logits[image].tolist())
        for number, members in enumerate(MEMBERS.values()):
            expected = sum(math.exp(logits[image, member]) / total for member in members) / len(members)
            assert found[image, number].item() == pytest.approx(expected, rel=1e-12)


def test_many_members_are_no_advantage():
    logits = torch.zeros(1000)
    assert_close(sixteen_from_imagenet(logits), torch.full((16,), 0.001, dtype=torch.float64))
    logits[499] = 0.1
    assert SIXTEEN[int(sixteen_from_imagenet(logits).argmax())] == "knife"


def test_probes_of_the_sixteen_are_put_in_order():
    classes = list(reversed(SIXTEEN))
    logits = torch.randn(4, 16)
    assert torch.equal(scores_of_sixteen(classes)(logits), logits.flip(-1))


@pytest.mark.parametrize("classes", [[str(n) for n in range(1000)], [f"n{n:08d}" for n in range(1000)]])
def test_probes_of_imagenet(classes):
    logits = torch.randn(2, 1000)
    assert torch.equal(scores_of_sixteen(classes)(logits), sixteen_from_imagenet(logits))


def test_errors():
    with pytest.raises(ValueError, match=r"logits has 999 classes; expected ImageNet-1k's 1000"):
        sixteen_from_imagenet(torch.zeros(2, 999))
    with pytest.raises(ValueError, match=r"2 values that are NaN or infinite"):
        sixteen_from_imagenet(torch.tensor([[torch.nan, torch.inf] + [0.0] * 998]))
    with pytest.raises(
        ValueError, match=r"know 3 classes \(car, cat, ship\); expected exactly the 16 .* 14 are missing"
    ):
        scores_of_sixteen(["car", "cat", "ship"])
    with pytest.raises(ValueError, match="know 17 classes"):
        scores_of_sixteen([*SIXTEEN, "zebra"])
    with pytest.raises(ValueError, match="know 1000 classes"):
        scores_of_sixteen([f"n{n:08d}" for n in reversed(range(1000))])
