"""Poolings: the definitions in loops and float64, the official numbers, and what is refused."""

import math

import numpy as np
import pytest
import torch

from models import TokenLayout, load_model, tap
from probing.aggregation.centre import central
from probing.aggregation.poolings import POOLINGS, pooled
from probing.aggregation.quirks import QUIRKS
from tests.ops._random import attention_of

OURS = {
    "cls": "class_token",
    "pos": "patches",
    "cp2": "cp2",
    "ca2": "ca2",
    "attn-mn": "mean_head",
    "attn-lcte": "lowest_entropy_head",
}
RELEASE = frozenset(QUIRKS)
LAYOUTS = [
    TokenLayout(1, 0, (4, 5), 8),
    TokenLayout(1, 4, (5, 4), 8),
    TokenLayout(2, 0, (4, 4), (8, 16)),
    TokenLayout(2, 3, (5, 7), 8),
]


def case(layout, batch=2, dtype=torch.float64, seed=0):
    """Tokens, attention and another model's attention of one layer."""
    count = layout.prefix + layout.patches
    tokens = torch.randn(batch, count, 6, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    attention = attention_of(batch, 3, count, count, seed=seed + 1).to(dtype)
    return tokens, attention, attention_of(batch, 5, count, count, seed=seed + 2).to(dtype)


def by_hand(name, tokens, layout, attention, oracle, quirks):
    """One image (token channel), in loops."""
    prefix, (rows, columns) = layout.prefix, layout.grid
    vectors, heads = tokens.tolist(), attention.tolist()
    patches = range(prefix, len(vectors))
    epsilon = 1e-6 if "epsilon" in quirks else 0.0

    def combination(weights, divisor=1):
        return [math.fsum(weights[j] * vectors[j][c] for j in weights) / divisor for c in range(len(vectors[0]))]

    def mean(numbers):
        return combination(dict.fromkeys(numbers, 1.0), len(numbers))

    def centre(size):
        starts = [(side - size) // 2 for side in (rows, columns)]
        if "off-centre" in quirks:
            starts = [side // 2 - math.ceil(size / 2) for side in (rows, columns)]
        return [prefix + (starts[0] + i) * columns + starts[1] + j for i in range(size) for j in range(size)]

    def renormalised(weights, epsilon=0.0):
        mass = math.fsum(weights.values()) + epsilon
        return {j: weight / mass for j, weight in weights.items()}

    def entropy(head):
        weights = renormalised({j: head[0][j] for j in patches}, epsilon)
        return -math.fsum(weight * math.log(weight + epsilon) for weight in weights.values() if weight > 0)

    divisor = len(patches) if "mean-of-weighted" in quirks else 1
    if name.startswith("cp"):
        return mean(centre(int(name[2:])))
    if name.startswith("ca"):
        queries = centre(int(name[2:]))
        summed = {j: math.fsum(head[i][j] for head in heads for i in queries) for j in patches}
        averaged = {j: value / len(heads) / len(queries) for j, value in summed.items()}
        return combination(renormalised(averaged, epsilon), divisor)
    if name == "mean_head":
        return combination(renormalised({j: math.fsum(head[0][j] for head in heads) for j in patches}))
    if name == "lowest_entropy_head":
        sharpest = min(heads, key=entropy)
        return combination(renormalised({j: sharpest[0][j] for j in patches}))
    if name == "oracle":
        others = oracle.tolist()
        weights = {j: math.fsum(head[0][j] for head in others) / len(others) for j in patches}
        return combination(weights if "oracle-not-renormalised" in quirks else renormalised(weights), divisor)
    return {
        "class_token": lambda: vectors[0],
        "patches": lambda: mean(patches),
        "registers": lambda: mean(range(layout.class_tokens, prefix)),
        "both": lambda: vectors[0] + mean(patches),
    }[name]()


@pytest.mark.parametrize("quirks", [frozenset(), RELEASE], ids=["exact", "release"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("name", POOLINGS)
def test_definition(name, layout, quirks):
    if name == "registers" and not layout.registers:
        return
    tokens, attention, oracle = case(layout)
    found = pooled(name, tokens, layout, attention=attention, oracle=oracle, quirks=quirks)
    assert found.shape == (2, 6 * POOLINGS[name].width)
    for image in range(2):
        expected = by_hand(name, tokens[image], layout, attention[image], oracle[image], quirks)
        torch.testing.assert_close(found[image], torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_quirks_change_only_what_they_say():
    layout = TokenLayout(1, 4, (5, 4), 8)
    tokens, attention, oracle = case(layout, dtype=torch.float32)
    changed = {
        quirk: {
            name
            for name in POOLINGS
            if not torch.equal(
                pooled(name, tokens, layout, attention=attention, oracle=oracle),
                pooled(name, tokens, layout, attention=attention, oracle=oracle, quirks={quirk}),
            )
        }
        for quirk in QUIRKS
    }
    chooses = "lowest_entropy_head"  # changes where two heads are nearly equal, see below
    assert changed == {name: {*quirk.poolings} - {chooses} for name, quirk in QUIRKS.items()}


def test_epsilon_may_choose_another_head():
    """Inside the logarithm it takes 1e-6 off for each key that has weight: 2e-6 and 4e-6 here."""
    low, high = 0.5, 1.0
    for _ in range(60):  # a head (a, b, b, b) whose entropy is that of (1/2, 1/2, 0, 0) plus 1e-6
        a = (low + high) / 2
        entropy = -a * math.log(a) - (1 - a) * math.log((1 - a) / 3)
        low, high = (a, high) if entropy > math.log(2) + 1e-6 else (low, a)
    attention = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    attention[0, :, 0, 1:] = torch.tensor([[0.5, 0.5, 0, 0], [a] + [(1 - a) / 3] * 3], dtype=torch.float64)
    tokens = torch.eye(5, dtype=torch.float64)[None]
    for quirks, head in (((), 0), (("epsilon",), 1)):
        found = pooled("lowest_entropy_head", tokens, TokenLayout(1, 0, (2, 2), 8), attention=attention, quirks=quirks)
        torch.testing.assert_close(found[:, 1:], attention[:, head, 0, 1:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", ["mae_pretrain", "dino_backbone"])
def test_golden_official_aggregations(golden, model):
    """From the file of weights to the vectors, through the tap."""
    folder = golden / "checkpoints" / model
    inputs = np.load(folder / "expected.npz")
    expected = np.load(golden / "beyond_cls" / "attention_stats.npz")
    ours = load_model(str(next(folder.glob("checkpoint*"))), num_heads=inputs["attn"].shape[2])
    with torch.inference_mode(), tap(ours, layers=[-1], points=["attention", "after_mlp"]) as trace:
        ours(torch.from_numpy(inputs["x"]))
    (attention,), (tokens,) = trace.attention.values(), trace.after_mlp.values()
    for theirs, name in OURS.items():
        found = pooled(name, tokens, trace.layout, attention=attention, quirks=RELEASE)
        official = torch.from_numpy(expected[f"{model}/features_{theirs}"])
        torch.testing.assert_close(found, official, rtol=1e-5, atol=1e-5)
    clean = pooled("ca2", tokens, trace.layout, attention=attention)
    assert (clean / 36 - official_ca2(expected, model)).abs().max() < 1e-5
    assert (clean - official_ca2(expected, model)).abs().max() > 0.1
    raw = torch.from_numpy(expected[f"{model}/features_raw"])
    torch.testing.assert_close(tokens, raw, rtol=1e-5, atol=1e-5)


def official_ca2(expected, model):
    return torch.from_numpy(expected[f"{model}/features_ca2"])


@pytest.mark.parametrize(("side", "size", "rows"), [(14, 1, (6, 7)), (14, 3, (5, 8)), (14, 4, (5, 9)), (5, 2, (1, 3))])
@pytest.mark.parametrize("off_centre", [False, True])
def test_centre_of_the_official_grids(side, size, rows, off_centre):
    """The two agree wherever there is not one middle."""
    assert central((side, side), size, off_centre=off_centre) == (slice(*rows), slice(*rows))


def test_centre_is_the_middle_where_there_is_one():
    assert central((5, 7), 1) == (slice(2, 3), slice(3, 4))
    assert central((5, 7), 3) == (slice(1, 4), slice(2, 5))
    assert central((5, 7), 1, off_centre=True) == (slice(1, 2), slice(2, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["patches", "both", "cp2", "ca2", "mean_head", "lowest_entropy_head", "oracle"])
def test_half_precision_is_pooled_in_float32(name, dtype):
    layout = TokenLayout(1, 0, (4, 5), 8)
    tokens, attention, oracle = case(layout, dtype=dtype)
    expected = pooled(name, tokens.float(), layout, attention=attention.float(), oracle=oracle.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = pooled(name, tokens, layout, attention=attention, oracle=oracle)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", POOLINGS)
def test_images_do_not_see_each_other(name):
    layout = TokenLayout(1, 2, (4, 5), 8)
    tokens, attention, oracle = case(layout, batch=3)
    together = pooled(name, tokens, layout, attention=attention, oracle=oracle)
    alone = pooled(name, tokens[1:2], layout, attention=attention[1:2], oracle=oracle[1:2])
    torch.testing.assert_close(alone, together[1:2], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["mean_head", "lowest_entropy_head", "ca1", "oracle"])
def test_no_attention_to_patches_is_uniform(name):
    layout = TokenLayout(1, 0, (4, 4), 8)
    tokens = case(layout)[0]
    attention = torch.zeros(2, 3, 17, 17, dtype=torch.float64)
    attention[..., 0] = 1
    found = pooled(name, tokens, layout, attention=attention, oracle=attention)
    torch.testing.assert_close(found, pooled("patches", tokens, layout), rtol=1e-12, atol=1e-12)


def test_oracle_with_other_prefix_tokens():
    layout, other = TokenLayout(0, 0, (4, 4), 8), TokenLayout(1, 4, (4, 4), 16)
    tokens, oracle = case(layout)[0], case(other)[2]
    found = pooled("oracle", tokens, layout, oracle=oracle, oracle_layout=other)
    weights = oracle.mean(1)[:, 0, 5:]
    expected = (weights / weights.sum(1, keepdim=True)).unsqueeze(-1).mul(tokens).sum(1)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["class_token", "both", "mean_head", "lowest_entropy_head"])
def test_models_without_class_token_are_refused(name):
    layout = TokenLayout(0, 2, (4, 4), 8)
    tokens, attention, _ = case(layout)
    with pytest.raises(ValueError, match=f"pooling {name}: this model has no class token; choose patches"):
        pooled(name, tokens, layout, attention=attention)


def test_errors_name_the_mistake():
    layout = TokenLayout(1, 0, (4, 5), 8)
    tokens, attention, oracle = case(layout)
    with pytest.raises(ValueError, match=r"unknown pooling 'cp22'; did you mean cp2\?"):
        pooled("cp22", tokens, layout)
    with pytest.raises(ValueError, match=r"unknown quirk 'mean-of-weight'; did you mean mean-of-weighted\?"):
        pooled("patches", tokens, layout, quirks={"mean-of-weight"})
    with pytest.raises(ValueError, match="this model has no register tokens"):
        pooled("registers", tokens, layout)
    with pytest.raises(
        ValueError, match=r"attention is missing; expected softmax weights of the same layer .the embed"
    ):
        pooled("ca1", tokens, layout)
    with pytest.raises(ValueError, match="oracle is missing; expected softmax weights of another model's last layer"):
        pooled("oracle", tokens, layout)
    with pytest.raises(ValueError, match=r"attention has shape \(2, 3, 20, 20\).*2 images and 21 queries and keys"):
        pooled("mean_head", tokens, layout, attention=attention[:, :, 1:, 1:])
    with pytest.raises(ValueError, match=r"oracle has shape \(1, 5, 21, 21\).*with 2 images"):
        pooled("oracle", tokens, layout, oracle=oracle[:1])
    with pytest.raises(ValueError, match=r"oracle has a grid of \(7, 7\), the tokens one of \(4, 5\)"):
        pooled("oracle", tokens, layout, oracle=oracle, oracle_layout=TokenLayout(1, 0, (7, 7), 8))
    with pytest.raises(ValueError, match=r"tokens has shape \(2, 20, 6\).*with 21 tokens"):
        pooled("patches", tokens[:, 1:], layout)
    small = TokenLayout(1, 0, (3, 4), 8)
    tokens, attention, _ = case(small)
    for name in ("cp4", "ca4"):
        with pytest.raises(
            ValueError, match=r"central 4 x 4 patches of a grid of 3 x 4: there are not so many; .* most 3"
        ):
            pooled(name, tokens, small, attention=attention)
    with pytest.raises(ValueError, match="the quirk off-centre moves the central 3 x 3 patches out of a grid of 3 x 4"):
        pooled("cp3", tokens, small, quirks={"off-centre"})
