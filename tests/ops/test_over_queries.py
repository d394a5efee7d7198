"""Every metric that adds up over queries gives the same value for any split into blocks of queries."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import attention_distance, attention_entropy, attention_nmi, class_attention_statistics

GRID = (3, 5)
ON_GRID = {"grid": GRID, "patch_size": (8, 16)}
METRICS = {
    "distance": (attention_distance, {**ON_GRID, "convention": "park2023"}),
    "distance-exact": (attention_distance, {**ON_GRID, "convention": "exact"}),
    "distance-probing": (attention_distance, {**ON_GRID, "convention": "probing-vits"}),
    "distance-analysis": (attention_distance, {**ON_GRID, "convention": "vit_analysis"}),
    "nmi": (attention_nmi, {"convention": "park2023"}),
    "nmi-exact": (attention_nmi, {"convention": "exact"}),
    "entropy": (attention_entropy, {}),
    "class": (class_attention_statistics, {"convention": "beyond-cls"}),
    "class-exact": (class_attention_statistics, {"convention": "exact"}),
}


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=20, deadline=None)
@given(prefix=st.integers(0, 5), cuts=st.sets(st.integers(1, 19)), seed=st.integers(0, 1000))
def test_any_split_gives_the_same(name, prefix, cuts, seed):
    metric, options = METRICS[name]
    if metric is class_attention_statistics:
        prefix = max(prefix, 1)
    tokens = prefix + GRID[0] * GRID[1]
    generator = torch.Generator().manual_seed(seed)
    attention = (3 * torch.randn(2, 3, tokens, tokens, generator=generator, dtype=torch.float64)).softmax(-1)
    edges = [0, *sorted(cut for cut in cuts if cut < tokens), tokens]
    total = sum(
        metric.over_queries.sums(attention[..., start:stop, :], queries=slice(start, stop), prefix=prefix, **options)
        for start, stop in pairwise(edges)
    )
    found = metric.over_queries.finish(total, prefix=prefix, **options)
    expected = metric(attention, prefix=prefix, **options)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_rows_must_be_those_of_the_queries(name):
    metric, options = METRICS[name]
    attention = torch.full((1, 1, 16, 16), 1 / 16)
    for queries in (slice(0, 5), slice(14, 18), slice(-4, 0)):
        with pytest.raises(ValueError, match=f"4 query rows, but tokens {queries.start} to {queries.stop}"):
            metric.over_queries.sums(attention[..., :4, :], queries=queries, prefix=1, **options)


@pytest.mark.parametrize("with_logits", [False, True])
def test_entropy_and_nmi_of_the_same_rows_share_what_they_find(with_logits):
    logits = torch.randn(2, 3, 16, 16)
    rows = {"queries": slice(0, 16), **({"logits": logits} if with_logits else {})}
    measured = {
        prefix: [
            attention_entropy.over_queries.sums(logits.softmax(-1), prefix=prefix, **rows),
            attention_nmi.over_queries.sums(logits.softmax(-1), prefix=prefix, convention="exact", **rows),
        ]
        for prefix in (0, 1)
    }
    found = {}
    for prefix, expected in measured.items():
        options = {"prefix": prefix, **rows, "found": found}
        entropy = attention_entropy.over_queries.sums(logits.softmax(-1), **options)
        nothing = torch.full((2, 3, 16, 16), torch.nan)  # what is shared is not read again
        again = attention_entropy.over_queries.sums(nothing, **options)
        nmi = attention_nmi.over_queries.sums(logits.softmax(-1), convention="exact", **options)
        torch.testing.assert_close([entropy, nmi, again], [*expected, expected[0]], rtol=0, atol=0)
