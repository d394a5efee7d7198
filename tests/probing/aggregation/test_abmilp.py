"""AbMILP: the official outputs in every variant, the formula in loops, and what is refused."""

import itertools
import json
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from probing.aggregation.abmilp import AbMILP, AbMILPOptions

OFFICIAL = {"self_attn": "attention", "attention_predictor": "score"}
WORDS = {"pe": "positions", "patch": "patches"}
DIM, GRID = 24, (5, 5)


WAYS = (("tanh", "relu"), ("d1", "d2"), ("all", "patch"), ("none", "pe"), ("sa_none", "sa_map", "sa_both"))
VARIANTS = ["-".join(words) for words in itertools.product(*WAYS)]


def options_of(variant):
    activation, depth, content, condition, attention = re.fullmatch(
        r"(\w+)-d(\d)-(\w+)-(\w+)-sa_(\w+)", variant
    ).groups()
    return {
        "activation": activation,
        "depth": int(depth),
        "content": WORDS.get(content, content),
        "condition": WORDS.get(condition, condition),
        "self_attention": attention,
    }


def ours(arrays, folder):
    """An official state by our names; their table of positions is ours, and is no parameter here."""
    state = {}
    for key in arrays.files:
        if key.startswith(folder) and not key.endswith("pos_embed"):
            first, _, rest = key.removeprefix(folder).partition(".")
            state[f"{OFFICIAL[first]}.{rest}"] = torch.from_numpy(arrays[key])
    return state


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "beyond_cls" / "abmilp.npz")


def test_all_variants_are_looked_at(arrays):
    """At depth 1 nothing goes through the activation: those of relu may be left out beside those of tanh."""
    names = json.loads(str(arrays["names"]))
    assert names["variants"] in (VARIANTS, [name for name in VARIANTS if not name.startswith("relu-d1")])
    assert (names["dim"], tuple(names["grid"])) == (DIM, GRID)


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_official_outputs(arrays, variant):
    if variant not in json.loads(str(arrays["names"]))["variants"]:
        pytest.skip("the same as with tanh, and left out of this set")
    head = AbMILP(DIM, **options_of(variant), grid=GRID)
    head.load_state_dict(ours(arrays, f"{variant}/weight/"))
    pooled, weights = head(torch.from_numpy(arrays["x"]))
    torch.testing.assert_close(weights, torch.from_numpy(arrays[f"{variant}/attn_map"])[..., 0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(pooled, torch.from_numpy(arrays[f"{variant}/out"]), rtol=1e-5, atol=1e-5)


def test_golden_positions(arrays):
    head = AbMILP(DIM, condition="positions", grid=GRID)
    torch.testing.assert_close(head.positions, torch.from_numpy(arrays["pos_embed/patch"]), rtol=1e-6, atol=1e-6)


def test_golden_probe(arrays):
    """AbMILP, BatchNorm and the linear layer in training, and before: the file's running statistics were written after
    the step of training (101 batches) and its logits of the test before it, so one step is taken back."""
    head = AbMILP(DIM)
    head.load_state_dict(ours(arrays, "probe/weight/0."))
    norm, linear = nn.BatchNorm1d(DIM, affine=False, eps=1e-6), nn.Linear(DIM, 6)
    for number, module in ((1, norm), (2, linear)):
        prefix = f"probe/weight/{number}."
        state = {key.removeprefix(prefix): torch.as_tensor(arrays[key]) for key in arrays.files if prefix in key}
        module.load_state_dict(state)
    pooled, _ = head(torch.from_numpy(arrays["x"]))
    norm.running_mean.sub_(0.1 * pooled.detach().mean(0)).div_(0.9)
    norm.running_var.sub_(0.1 * pooled.detach().var(0)).div_(0.9)
    tested = linear(norm.eval()(pooled))
    torch.testing.assert_close(tested, torch.from_numpy(arrays["probe/logits"]), rtol=1e-5, atol=1e-5)
    trained = linear(norm.train()(pooled))
    torch.testing.assert_close(trained, torch.from_numpy(arrays["probe/logits_train_mode"]), rtol=1e-5, atol=1e-5)


def test_defaults_are_the_headline_setting():
    head = AbMILP(24)
    assert sum(parameter.numel() for parameter in head.parameters()) == 24 + 1
    assert str(head.options) == "headline setting"
    assert str(AbMILPOptions(depth=2, content="all")) == "depth 2, content all"


@pytest.mark.parametrize(("content", "prefix"), [("patches", 0), ("patches", 5), ("all", 3)])
def test_formula_in_loops(content, prefix):
    head = AbMILP(8, depth=2, activation="tanh", content=content, condition="positions", grid=(2, 3)).double()
    tokens = torch.randn(1, prefix + 6, 8, dtype=torch.float64)
    first, last = head.score[0], head.score[2]
    seen = tokens[0, prefix if content == "patches" else 0 :].tolist()
    skipped = len(seen) - 6
    scores = []
    for j, token in enumerate(seen):
        if j >= skipped:
            row, column = divmod(j - skipped, 3)
            angles = [(axis * 10000 ** (-i / 2)) for axis in (column, row) for i in range(2)]
            table = [math.sin(a) for a in angles[:2]] + [math.cos(a) for a in angles[:2]]
            table += [math.sin(a) for a in angles[2:]] + [math.cos(a) for a in angles[2:]]
            token = [value + place for value, place in zip(token, table)]
        hidden = [
            math.tanh(sum(w * v for w, v in zip(row, token)) + bias)
            for row, bias in zip(first.weight.tolist(), first.bias.tolist())
        ]
        scores.append(sum(w * v for w, v in zip(last.weight.tolist()[0], hidden)) + last.bias.item())
    weights = [math.exp(score) / sum(map(math.exp, scores)) for score in scores]
    expected = [sum(weights[j] * seen[j][c] for j in range(len(seen))) for c in range(8)]
    pooled, found = head(tokens, prefix=prefix)
    torch.testing.assert_close(found[0].tolist(), weights, rtol=0, atol=1e-7)  # the table is float32
    torch.testing.assert_close(pooled[0].tolist(), expected, rtol=0, atol=1e-6)


def test_errors_name_the_mistake():
    with pytest.raises(ValueError, match="depth=0; expected at least 1"):
        AbMILP(8, depth=0)
    with pytest.raises(ValueError, match="activation='gelu' is not known; expected one of relu, tanh"):
        AbMILP(8, activation="gelu")
    with pytest.raises(ValueError, match="self_attention='yes' is not known; expected one of none, map, both"):
        AbMILP(8, self_attention="yes")
    with pytest.raises(ValueError, match=r"condition='positions' needs grid=\(rows, columns\)"):
        AbMILP(8, condition="positions")
    head = AbMILP(8, condition="positions", content="all", grid=(2, 3))
    with pytest.raises(ValueError, match=r"\(1, 9, 8\), of which prefix=1 leaves 8 patches; grid=\(2, 3\) has 6"):
        head(torch.zeros(1, 9, 8))
