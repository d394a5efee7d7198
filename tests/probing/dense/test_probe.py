"""Loss and classifiers of patches, against naive ones of pixels and of single layers."""

import pytest
import torch
from torch.nn.functional import cross_entropy, interpolate

from models import TokenLayout
from probing.dense.geometry import class_counts, pixels
from probing.dense.probe import DenseProbe, patch_loss


def test_it_is_the_cross_entropy_of_pixels():
    layout, generator = TokenLayout(1, 0, (3, 2), (4, 5)), torch.Generator().manual_seed(0)
    mask = torch.randint(0, 4, (2, *pixels(layout)), generator=generator).to(torch.uint8)
    mask[mask == 3] = 255
    mask[0, :4, :5] = 255  # a patch without any class
    logits = torch.randn(7, 2, 6, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    counts = class_counts(mask, layout, 3).double().flatten(0, 1)
    found = patch_loss(logits.flatten(1, 2), counts)
    truth = torch.where(mask == 255, -100, mask.long())
    for layer, loss in enumerate(found):
        upsampled = interpolate(logits[layer].transpose(1, 2).unflatten(2, layout.grid), size=pixels(layout))
        expected = cross_entropy(upsampled, truth)
        torch.testing.assert_close(loss, expected, rtol=0, atol=1e-12)
        one, other = (torch.autograd.grad(value, logits, retain_graph=True)[0] for value in (loss, expected))
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_without_classes_it_is_zero():
    logits = torch.randn(2, 5, 3, requires_grad=True)
    loss = patch_loss(logits, torch.zeros(5, 3)).sum()
    loss.backward()
    assert loss == 0 and not logits.grad.any()


@pytest.mark.parametrize("training", [True, False])
def test_standardising_is_torchs_batch_norm(training):
    layers, tokens = 3, torch.randn(3, 4, 5, 6) * 3 + 1
    probe = DenseProbe.zeros(layers, 2, 6, standardised=True)
    with torch.no_grad():
        probe.weight.normal_()
        probe.bias.normal_()
        probe.mean.normal_()
        probe.variance.uniform_(0.5, 2)
    mean, variance = probe.mean.clone(), probe.variance.clone()
    found = probe.logits(tokens, training=training)
    for layer in range(layers):
        norm = torch.nn.BatchNorm1d(6, affine=False).train(training)
        norm.running_mean.copy_(mean[layer])
        norm.running_var.copy_(variance[layer])
        expected = norm(tokens[layer].flatten(0, 1)) @ probe.weight[layer].T + probe.bias[layer]
        torch.testing.assert_close(found[layer].flatten(0, 1), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(probe.mean[layer], norm.running_mean)
        torch.testing.assert_close(probe.variance[layer], norm.running_var)


def test_tokens_as_they_are():
    probe, tokens = DenseProbe.zeros(2, 3, 4, standardised=False), torch.randn(2, 1, 5, 4)
    with torch.no_grad():
        probe.weight.normal_()
    torch.testing.assert_close(probe.logits(tokens), torch.einsum("libc,lkc->libk", tokens, probe.weight))
