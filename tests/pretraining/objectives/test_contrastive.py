"""The contrastive loss and its networks, in one process."""

import math

import pytest
import torch

from pretraining.objectives.contrastive import contrastive_loss, crossed_loss, predictor, projector


def test_loss_by_loops():
    queries, keys = torch.randn(2, 5, 3, dtype=torch.float64)
    total = 0.0
    for i in range(5):
        logits = []
        for j in range(5):
            cosine = float(queries[i] @ keys[j]) / (float(queries[i].norm()) * float(keys[j].norm()))
            logits.append(math.exp(cosine / 0.3))
        total -= math.log(logits[i] / sum(logits))
    found = contrastive_loss(queries, keys, temperature=0.3).item()
    assert found == pytest.approx(2 * 0.3 * total / 5, rel=1e-12)


def test_alike_keys_cannot_be_told_apart():
    found = contrastive_loss(torch.randn(7, 4), torch.ones(7, 4), temperature=0.2)
    torch.testing.assert_close(found.item(), 0.4 * math.log(7))


def test_keys_receive_no_gradient():
    queries, keys = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    contrastive_loss(queries, keys, temperature=0.2).backward()
    assert queries.grad is not None
    assert keys.grad is None


def test_views_are_crossed():
    first, second = torch.eye(3), torch.eye(3).roll(1, 0)
    right = crossed_loss((first, second), (second, first), temperature=0.2)
    wrong = crossed_loss((first, second), (first, second), temperature=0.2)
    assert right < wrong


def test_half_precision_is_left_before_the_loss():
    queries, keys = torch.randn(2, 4, 3)
    wanted = contrastive_loss(queries.bfloat16(), keys.bfloat16(), temperature=0.2)
    with torch.autocast("cpu", torch.bfloat16):
        found = contrastive_loss(queries.bfloat16(), keys.bfloat16(), temperature=0.2)
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)


@pytest.mark.parametrize(("network", "batch_norms"), [(projector(6, 8, 4), 3), (predictor(8, 4), 2)])
def test_no_linear_layer_has_a_bias_and_the_last_batch_norm_no_weight(network, batch_norms):
    assert not any(
        name.endswith("bias") for name, _ in network.named_parameters() if name in ("0.bias", "3.bias", "6.bias")
    )
    assert len(network) == 3 * batch_norms - 1
    assert network[-1].weight is None
    assert network[-1].bias is None
