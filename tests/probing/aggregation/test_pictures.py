"""Pictures of AbMILP's weights: the maps by hand, and what stands in the figure."""

import pytest
import torch

from models import TokenLayout, image_transform, load_model, tap
from probing.aggregation.abmilp import AbMILPOptions
from probing.aggregation.heads import AbMILPHeads
from probing.aggregation.pictures import weight_maps, weights_figure
from probing.aggregation.training import TrainedAbMILP
from tests.probing.evaluation._made import picture

LAYOUT = TokenLayout(1, 0, (8, 8), 4)
PHOTOGRAPHS = [picture("a"), picture("b").resize((40, 60))]


def trained(layout=LAYOUT, **options):
    """Two heads of which the second is chosen, not trained at all."""
    heads = AbMILPHeads(
        96, 3, count=2, options=AbMILPOptions(**options), grid=layout.grid, batch_norm=True, init_std=None, seed=0
    ).eval()
    with torch.no_grad():
        heads.poolings[1].score[0].weight.normal_(std=0.5)
    return TrainedAbMILP(heads, 1, (), torch.zeros(2, 1, 3), layout, "untrained")


@pytest.fixture(scope="module")
def model():
    return load_model("mini-random")


@pytest.fixture(scope="module")
def seen(model):
    """Tokens of layer 3 and attention of the last block."""
    pixels = torch.stack([image_transform(model)(photograph) for photograph in PHOTOGRAPHS])
    with torch.no_grad(), tap(model) as trace:
        model(pixels)
    return trace.after_mlp[2], trace.attention[7]


def test_maps_by_hand(model, seen):
    tokens, attention = seen
    head = trained()
    maps = weight_maps(model, PHOTOGRAPHS, head, layer=3)
    assert list(maps) == ["class token", "AbMILP"]
    score = head.heads.poolings[1].score[0]
    weights = (tokens[:, 1:] @ score.weight[0] + score.bias).softmax(-1).detach()
    torch.testing.assert_close(maps["AbMILP"].flatten(1), weights, rtol=1e-5, atol=1e-6)
    row = attention.mean(1)[:, 0, 1:]
    torch.testing.assert_close(maps["class token"].flatten(1), row / row.sum(1, keepdim=True), rtol=1e-5, atol=1e-6)


def test_weights_of_prefix_tokens_are_not_patches(model):
    maps = weight_maps(model, PHOTOGRAPHS, trained(content="all"), layer=3)
    assert (maps["AbMILP"].flatten(1).sum(1) < 1).all()


def test_figure(model):
    figure = weights_figure(model, PHOTOGRAPHS, trained(), name="mini-random", layer=3)
    assert figure.get_suptitle() == "mini-random"
    assert "1/64" not in figure.get_supxlabel() and "64 patches would be 0.016" in figure.get_supxlabel()
    titles = [ax.get_title() for ax in figure.axes]
    assert (
        titles
        == ["photograph", "class token, block 8\nof 8: mean of heads", "AbMILP on layer 3\nof 8: weights"] + [""] * 3
    )
    maxima = [ax.get_xlabel() for ax in figure.axes if ax.get_xlabel()]
    assert len(maxima) == 4 and all(text.startswith("max 0.") for text in maxima)
