"""The hybrid is SimMIM at one end, MoCo-v3 at the other, and their weighted sum between."""

import pytest
import torch

from pretraining.objectives import build_objective
from pretraining.objectives.hybrid import Hybrid
from tests.pretraining.objectives.recipes import small_recipe

RENAMED = {
    "projector": "base_encoder.head",
    "momentum_projector": "momentum_encoder.head",
    "encoder": "base_encoder",
}


@pytest.fixture
def batch():
    image, view1, view2 = torch.randn(3, 4, 3, 16, 16, dtype=torch.float64)
    return {"image": image, "view1": view1, "view2": view2, "mask": (torch.rand(4, 4, 4) < 0.6).long()}


def built(recipe):
    torch.manual_seed(0)
    return build_objective(recipe, classes=0).double()


def mocov3_name(name):
    for ours, official in RENAMED.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, official, 1)
    return name


def as_mocov3(hybrid, recipe):
    """MoCo-v3 with the hybrid's weights."""
    objective = built(recipe)
    state = {mocov3_name(name): value for name, value in hybrid.state_dict().items()}
    objective.load_state_dict({name: value for name, value in state.items() if name in objective.state_dict()})
    return objective


def as_simmim(hybrid, recipe):
    """SimMIM with the hybrid's weights."""
    objective = built(recipe)
    objective.load_state_dict({name: hybrid.state_dict()[name] for name in objective.state_dict()})
    return objective


def gradients(objective, name=lambda name: name):
    return {name(key): p.grad for key, p in objective.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("frozen", [True, False])
def test_ends_are_simmim_and_mocov3(frozen, batch):
    freeze = ("MOCOV3.FREEZE_PATCH_EMBED", frozen)
    masked = built(small_recipe("hybrid", "HYBRID.LAMBDA", 0.0, *freeze))
    simmim = as_simmim(masked, small_recipe("simmim"))
    contrasted = built(small_recipe("hybrid", "HYBRID.LAMBDA", 1.0, *freeze))
    moco = as_mocov3(contrasted, small_recipe("mocov3", *freeze))
    for hybrid, pure in ((masked, simmim), (contrasted, moco)):
        parts = hybrid(batch), pure(batch)
        assert torch.equal(parts[0]["loss"], parts[1]["loss"])
        for part in parts:
            part["loss"].backward()
    assert gradients(masked).keys() == gradients(simmim).keys()
    torch.testing.assert_close(gradients(masked), gradients(simmim), rtol=0, atol=0)
    torch.testing.assert_close(gradients(contrasted, mocov3_name), gradients(moco), rtol=0, atol=0)


def test_between_it_is_the_weighted_sum(batch):
    opts = ("MOCOV3.FREEZE_PATCH_EMBED", True)
    hybrid = built(small_recipe("hybrid", "HYBRID.LAMBDA", 0.3, *opts))
    simmim, moco = as_simmim(hybrid, small_recipe("simmim")), as_mocov3(hybrid, small_recipe("mocov3", *opts))
    parts, mim, contrastive = hybrid(batch), simmim(batch)["loss"], moco(batch)["loss"]
    for loss in (parts["loss"], mim, contrastive):
        loss.backward()
    torch.testing.assert_close(parts["loss"], 0.7 * mim + 0.3 * contrastive)
    assert torch.equal(parts["mim"], mim.detach())
    assert torch.equal(parts["contrastive"], contrastive.detach())
    masked, contrasted = gradients(simmim), gradients(moco)
    for name, gradient in gradients(hybrid, mocov3_name).items():
        wanted = 0.7 * masked.get(name.replace("base_encoder", "encoder"), torch.zeros(()))
        wanted = wanted + 0.3 * contrasted.get(name, torch.zeros(()))
        torch.testing.assert_close(gradient, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("weight", "skipped"), [(0.0, "_contrast"), (1.0, "reconstruction")])
def test_a_loss_without_weight_is_not_computed(weight, skipped, batch, monkeypatch):
    hybrid = built(small_recipe("hybrid", "HYBRID.LAMBDA", weight))
    monkeypatch.setattr(hybrid, skipped, None)
    loss = hybrid(batch)["loss"]
    loss.backward()
    waiting = [name for name, p in hybrid.named_parameters() if p.requires_grad and p.grad is None]
    assert not waiting


def test_momentum_copies_follow_once_in_a_step(batch):
    hybrid = built(small_recipe("hybrid", "MOCOV3.MOMENTUM", 0.9, "MOCOV3.MOMENTUM_COSINE", False))
    hybrid.projector[0].weight.data.add_(1.0)
    before = hybrid.momentum_projector[0].weight.clone()
    hybrid(batch)
    hybrid(batch)
    torch.testing.assert_close(hybrid.momentum_projector[0].weight, before + 0.1)
    hybrid.advance(0.5)
    hybrid(batch)
    torch.testing.assert_close(hybrid.momentum_projector[0].weight, before + 0.19)


def test_deeper_decoder(batch):
    hybrid = built(small_recipe("hybrid", "HYBRID.DECODER_DEPTH", 2))
    assert hybrid.reconstruction(batch).shape == batch["image"].shape
    assert len(hybrid.decoder_blocks) == 2


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_lambda_out_of_range(weight):
    recipe = small_recipe("hybrid").clone()
    recipe.defrost()
    recipe.HYBRID.LAMBDA = weight
    with pytest.raises(ValueError, match=r"HYBRID.LAMBDA=.*from 0 .*to 1"):
        build_objective(recipe, classes=0)
    encoder = built(small_recipe("simmim")).encoder
    with pytest.raises(ValueError, match=r"HYBRID.LAMBDA"):
        Hybrid(encoder, recipe.HYBRID, recipe.MOCOV3)
