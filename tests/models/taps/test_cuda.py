"""The same numbers on a GPU, also with TF32 and autocast on; skipped where there is none."""

import pandas as pd
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from models import measure, tap
from tests.models.taps import _metrics

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

# a spectrum's last values are rounding, which differs between devices
METRICS = {name: metric for name, metric in _metrics.METRICS.items() if name != "spectrum"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return VisionTransformer(
        img_size=(64, 96), patch_size=8, embed_dim=96, depth=3, num_heads=4, reg_tokens=2, num_classes=0
    ).eval()


@pytest.fixture
def tf32():
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = before


def tables(model, images, **options):
    cpu = measure(model.cpu(), [images], METRICS, progress=False)
    gpu = measure(model.cuda(), [images], METRICS, progress=False, **options)
    keys = ["metric", "depth", "image", "head", "component"]
    return (table.sort_values(keys).reset_index(drop=True) for table in (cpu, gpu))


@pytest.mark.parametrize("budget", [None, 0.05])
def test_measure_equals_the_cpu(model, budget):
    images = torch.randn(3, 3, 64, 96)
    cpu, gpu = tables(model, images, budget_mib=budget)
    pd.testing.assert_frame_equal(cpu, gpu, check_categorical=False, atol=2e-4, rtol=2e-4)


def test_attention_is_exact_under_tf32_and_the_setting_stays(model, tf32):
    model, images = model.cuda(), torch.randn(2, 3, 64, 96, device="cuda")
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    q, k = trace.queries[0].double(), trace.keys[0].double()
    expected = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
    torch.testing.assert_close(trace.attention[0].double(), expected, atol=1e-6, rtol=0)
    assert torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast(model, dtype):
    model, images = model.cuda(), torch.randn(2, 3, 64, 96, device="cuda")
    with torch.inference_mode(), torch.autocast("cuda", dtype):
        untouched = model(images)
        with tap(model) as trace:
            tapped = model(images)
    torch.testing.assert_close(tapped.float(), untouched.float(), atol=0.05, rtol=0)
    assert trace.attention[1].dtype == torch.float32 and trace.attention[1].is_cuda
