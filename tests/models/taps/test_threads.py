"""Parts of an image on several threads: the same numbers, the first error, and torch's threads as they were."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

import ops
from models import measure
from models.taps._attention import Budget
from models.taps._threads import each_alone

from ._metrics import METRICS

THREADS = 3
KEYS = ["metric", "depth", "image", "head", "component"]
SMALL = 1e-3  # MiB: a few queries of a head


@pytest.fixture(autouse=True)
def several_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    assert torch.get_num_threads() == THREADS
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = VisionTransformer(img_size=96, embed_dim=48, depth=2, num_heads=4, num_classes=0)
    return model.eval().double()


@pytest.fixture(scope="module")
def images():
    return torch.randn(3, 3, 96, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_the_same_table_to_the_last_bit(model, images):
    together = measure(model, [images], METRICS, progress=False, budget_mib=SMALL)
    torch.set_num_threads(1)
    alone = measure(model, [images], METRICS, progress=False, budget_mib=SMALL / THREADS)  # the same blocks
    torch.set_num_threads(THREADS)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)
    whole = measure(model, [images], METRICS, progress=False).sort_values(KEYS, ignore_index=True)
    pd.testing.assert_frame_equal(together.sort_values(KEYS, ignore_index=True), whole, rtol=1e-10, atol=1e-12)


def test_each_thread_computes_alone_and_in_inference_mode_as_outside():
    def state(_):
        return torch.get_num_threads(), torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    with each_alone(THREADS) as over:
        assert list(over(state, range(5))) == [(1, False, False)] * 5
    with torch.inference_mode(), each_alone(THREADS) as over:
        assert list(over(state, range(5))) == [(1, True, False)] * 5


def test_results_come_in_order():
    with each_alone(THREADS) as over:
        assert list(over(lambda item: torch.full((item,), item).sum().item(), range(20))) == [i * i for i in range(20)]


def test_an_error_in_a_thread_is_raised_outside(model, images):
    def sums(attention, *, queries):
        raise ValueError(f"rows {queries.start} to {queries.stop}")

    def broken(attention):
        return attention.mean((-1, -2))

    broken.over_queries = ops.attention_nmi.over_queries.__class__(sums, lambda total: total)
    with pytest.raises(ValueError, match="rows 0 to"):
        measure(model, [images], {"broken": broken}, progress=False, budget_mib=SMALL)


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_threads_share_the_budget(threads):
    budget = Budget(block_bytes=2**20, together_bytes=2**20).shared_by(threads)
    for images, heads, queries in budget.plan(2, 12, 1025, 4):
        rows = (images.stop - images.start) * (heads.stop - heads.start) * (queries.stop - queries.start)
        assert threads * rows * 1025 * 4 <= max(2**20, threads * 16 * 1025 * 4)


def test_threads_that_begin_later_have_torchs_number_again():
    with each_alone(THREADS) as over:
        list(over(torch.zeros, range(5)))
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == THREADS
