"""Which image stands in which batch: any cut of processes, steps and resumptions gives the same training."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretraining.data import RankBatches, steps_per_epoch
from pretraining.data.order import order


def batches(**changes):
    return list(RankBatches(**{"count": 53, "batch": 12, "epochs": 3, "seed": 5, **changes}))


def test_order_is_a_permutation_of_its_own_in_each_epoch_and_seed():
    orders = [order(100, seed=seed, epoch=epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(one) == list(range(100)) for one in orders)
    assert len({tuple(one) for one in orders}) == 4
    assert order(100, seed=1, epoch=1).tolist() == orders[-1]


def test_every_image_once_in_an_epoch_but_the_dropped_partial_batch():
    found = batches()
    assert len(found) == 3 * 4 and {len(batch) for batch in found} == {12}
    for epoch in range(3):
        seen = [index for batch in found[4 * epoch : 4 * epoch + 4] for _, index in batch]
        assert len(set(seen)) == 48 == len(seen) and set(seen) <= set(range(53))
    dropped = [set(range(53)) - {i for batch in found[4 * e : 4 * e + 4] for _, i in batch} for e in range(3)]
    assert dropped[0] != dropped[1] != dropped[2]


@given(world=st.sampled_from([1, 2, 3]), accumulate=st.sampled_from([1, 2]), done=st.integers(0, 12))
def test_any_cut_joined_is_the_batch_of_one_process(world, accumulate, done):
    ranks = [batches(world=world, rank=rank, accumulate=accumulate, position=12 * done) for rank in range(world)]
    parts = [list(chain.from_iterable(parts)) for parts in zip(*ranks, strict=True)]
    joined = [list(chain.from_iterable(parts[i : i + accumulate])) for i in range(0, len(parts), accumulate)]
    assert joined == batches()[done:]


@pytest.mark.parametrize("position", [0, 12, 48, 60, 144, 156])
def test_length(position):
    some = RankBatches(count=53, batch=12, epochs=3, seed=5, position=position, accumulate=2)
    assert len(some) == len(list(some)) == len(list(some))


def test_errors():
    with pytest.raises(ValueError, match=r"7 images are fewer than one batch of TRAIN.BATCH=8; .* at most 7"):
        steps_per_epoch(7, 8)
    with pytest.raises(ValueError, match="11 images are fewer"):
        batches(count=11)
    with pytest.raises(ValueError, match=r"BATCH=12 cannot be divided by 5 processes x TRAIN.ACCUMULATE=2.* as 20"):
        batches(world=5, accumulate=2)
    with pytest.raises(ValueError, match=r"position=13 .* no multiple of TRAIN.BATCH=12; was the batch changed"):
        batches(position=13)
    with pytest.raises(ValueError, match="rank=2; expected 0 to 1 with 2 processes"):
        batches(world=2, rank=2)
