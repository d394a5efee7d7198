"""Batch normalisation in one process; test_processes has several."""

import pytest
import torch
from torch import nn

from pretraining.objectives.synced_batch_norm import SyncedBatchNorm1d


@pytest.mark.parametrize("affine", [True, False])
def test_alone_it_is_torchs(affine):
    ours, theirs = SyncedBatchNorm1d(3, affine=affine), nn.BatchNorm1d(3, affine=affine)
    theirs.load_state_dict(ours.state_dict())
    for values in torch.randn(2, 4, 3):
        assert torch.equal(ours(values), theirs(values))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert torch.equal(ours.eval()(values), theirs.eval()(values))


def test_half_precision_is_normalised_in_float32():
    values = torch.randn(8, 3).bfloat16()
    found = SyncedBatchNorm1d(3)(values)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, nn.BatchNorm1d(3)(values.float()))


def test_one_image_has_no_variance():
    with pytest.raises(ValueError, match=r"batch of 1 image.*raise TRAIN.BATCH"):
        SyncedBatchNorm1d(3)(torch.randn(1, 3))
    assert SyncedBatchNorm1d(3).eval()(torch.randn(1, 3)).shape == (1, 3)
