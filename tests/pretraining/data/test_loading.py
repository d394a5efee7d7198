"""Batches: the same values for any number of workers and processes, and from any position on."""

import random

import numpy as np
import pytest
import torch

from pretraining.data import batches_from

METHODS = ["mocov3", "simmim", "mae", "hybrid", "supervised"]


def collected(*given, **options):
    return list(batches_from(*given, **options))


def assert_same(first, second):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)


def joined(parts):
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("method", METHODS)
def test_shapes(method, collection, recipe):
    found = collected(collection, recipe(method))
    assert len(found) == 6
    shapes = {"index": (8,), "label": (8,), "mask": (8, 4, 4), "noise": (8, 16)}
    for name, value in found[0].items():
        assert value.shape == shapes.get(name, (8, 3, 8, 8))
        assert value.dtype == (torch.int64 if name in ("index", "label", "mask") else torch.float32)


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers(workers, collection, recipe):
    assert_same(
        collected(collection, recipe("hybrid")), collected(collection, recipe("hybrid", "DATA.WORKERS", workers))
    )


@pytest.mark.parametrize(("world", "accumulate"), [(2, 1), (1, 2), (2, 2)])
def test_any_number_of_processes_and_steps(world, accumulate, collection, recipe):
    cut = recipe("hybrid", "TRAIN.ACCUMULATE", accumulate)
    ranks = [collected(collection, cut, rank=rank, world=world) for rank in range(world)]
    pieces = [joined(parts) for parts in zip(*ranks, strict=True)]
    batches = [joined(pieces[i : i + accumulate]) for i in range(0, len(pieces), accumulate)]
    assert_same(batches, collected(collection, recipe("hybrid")))


@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_goes_on_exactly(workers, collection, recipe):
    whole = collected(collection, recipe("hybrid"))
    for done in (1, 2, 3):  # inside the first epoch, at its end, inside the second
        resumed = collected(collection, recipe("hybrid", "DATA.WORKERS", workers), position=8 * done)
        assert_same(resumed, whole[done:])


def test_batch_size_does_not_change_a_sample(collection, recipe):
    large = joined(collected(collection, recipe("hybrid"))[:2])
    small = joined(collected(collection, recipe("hybrid", "TRAIN.BATCH", 4))[:4])
    assert_same([large], [small])


@pytest.mark.parametrize("workers", [0, 1])
def test_the_caller_s_random_numbers_stay(workers, collection, recipe):
    def states():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002

    before = states()
    first = collected(collection, recipe("hybrid", "DATA.WORKERS", workers))
    assert states() == before
    random.seed(9), np.random.seed(9), torch.manual_seed(9)  # noqa: NPY002
    assert_same(first, collected(collection, recipe("hybrid", "DATA.WORKERS", workers)))


def test_a_second_pass_is_the_same(collection, recipe):
    loader = batches_from(collection, recipe("simmim"))
    assert_same(list(loader), list(loader))


def test_errors(collection, recipe):
    with pytest.raises(ValueError, match=r"21 images are fewer than one batch of TRAIN.BATCH=32"):
        batches_from(collection, recipe("simmim", "TRAIN.BATCH", 32))
    with pytest.raises(ValueError, match="cannot be divided by 3 processes"):
        batches_from(collection, recipe("simmim"), world=3)
