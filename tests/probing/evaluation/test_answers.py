"""Passes of classifiers: any batch and any share of the images gives the same answers."""

import pytest
import torch

from probing.evaluation.answers import OwnClassifier, ProbeClassifier, answers, decided
from probing.evaluation.pictures import Clean
from probing.features.frozen import Cell, Frozen
from probing.linear.probes import Probe, Probes
from study.processes import Process
from tests.models._tiny import vit

HERE = Process(0, 1, torch.device("cpu"))
CELLS = (Cell(1, "class_token"), Cell(2, "patches"))


class Tensors:
    """Random images in place of files."""

    names = tuple(map(str, range(11)))
    labels, classes, where, digest = None, (), "here", ""

    def __len__(self):
        return 11

    def __getitem__(self, index):
        return torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(index))


def classifier(model):
    drawn = {cell: Probe(torch.randn(5, 24), torch.randn(5), torch.randn(24), torch.rand(24), "") for cell in CELLS}
    return ProbeClassifier(Frozen(model, CELLS), Probes("tiny", "none", tuple("abcde"), drawn), lambda logits: logits)


def unchanged(tensor):
    return tensor


def test_any_batch_and_any_process_gives_the_same():
    probed = classifier(vit())
    pictures = Clean(Tensors(), unchanged)
    expected = answers(probed, pictures, here=HERE, batch_size=11)
    assert expected.shape == (11, 2)
    assert len(expected.unique()) > 1
    assert torch.equal(answers(probed, pictures, here=HERE, batch_size=4), expected)
    assert torch.equal(answers(probed, pictures, here=HERE, batch_size=3, chosen=[7, 2, 9, 4]), expected[[7, 2, 9, 4]])
    parts = [Process(rank, 3, torch.device("cpu")) for rank in range(3)]  # without a group, a mean is its own share
    total = sum(answers(probed, pictures, here=part, batch_size=2) for part in parts)
    assert torch.equal(total, 3 * expected)


def test_own_classifier():
    model = vit(num_classes=7, class_token=True)
    own = OwnClassifier(model, lambda logits: logits)
    assert own.cells == (Cell(2, "-"),)
    found = answers(own, Clean(Tensors(), unchanged), here=HERE, batch_size=4)
    with torch.no_grad():
        expected = [model(Tensors()[index][None]).argmax().item() for index in range(11)]
    assert found[:, 0].tolist() == expected


def test_scores_that_are_no_numbers():
    scores = torch.zeros(4, 3)
    scores[1, 0], scores[2, 2] = torch.nan, torch.inf
    with pytest.raises(ValueError, match=r"here: 2 of 4 images of a batch have scores that are NaN or infinite"):
        decided(scores, "here")
