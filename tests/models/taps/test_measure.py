"""`measure` against the tap that keeps everything, for any split into batches, images and queries."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

import ops
from models import TokenLayout, load_model, measure, tap
from tests.models._own_vit import OwnViT
from tests.models.taps._metrics import METRICS


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return VisionTransformer(
        img_size=(64, 96), patch_size=16, embed_dim=48, depth=3, num_heads=4, reg_tokens=2, num_classes=0
    ).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(5, 3, 64, 96, generator=torch.Generator().manual_seed(2))


def values(table, metric, depth):
    rows = table[(table["metric"] == metric) & (table["depth"] == depth)]
    rows = rows.sort_values(["image", "head", "component"])
    return torch.tensor(rows["value"].to_numpy()).reshape(rows["image"].nunique(), -1).squeeze(1)


def test_equals_the_kept_trace(model, images):
    table = measure(model, [images], METRICS, progress=False)
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    layout = {"prefix": 3}
    for layer in range(3):
        grid = {"grid": (4, 6)}
        attention = trace.attention[layer]
        expected = {
            "distance": ops.attention_distance(attention, patch_size=16, **grid, **layout),
            "nmi": ops.attention_nmi(attention, **layout),
            "heads": ops.head_similarity(trace.head_outputs[layer][..., 3:, :]),
            "depths": ops.depth_similarity(trace.before_attention[layer][:, 3:], trace.after_attention[layer][:, 3:]),
            "tokens": ops.token_similarity(trace.after_mlp[layer][:, 3:]),
            "fourier": ops.relative_log_amplitude(trace.after_mlp[layer][:, 3:], **grid),
            "spectrum": ops.singular_spectrum(trace.after_mlp[layer][:, 3:])[:, :20],
            **ops.class_attention_statistics(attention, **layout),
            **ops.attention_magnitudes(trace.before_attention[layer], trace.attention_branch[layer], **layout),
        }
        for name, value in expected.items():
            ours = values(table, name, layer + 1)
            ours = ours[:, :20] if name == "spectrum" else ours  # 24 tokens: rank 23, the last values are near zero
            torch.testing.assert_close(ours, value.double(), atol=1e-6, rtol=1e-5)
    embedding = ops.token_similarity(trace.embedding[:, 3:]).double()
    torch.testing.assert_close(values(table, "tokens", 0), embedding, atol=1e-6, rtol=1e-5)


def test_rows_and_columns(model, images):
    table = measure(model, [images], METRICS, progress=False)
    assert list(table) == ["depth", "head", "image", "metric", "component", "convention", "value"]
    distance = table[table["metric"] == "distance"]
    assert len(distance) == 3 * 4 * 5
    assert set(distance["head"]) == {0, 1, 2, 3} and set(distance["component"]) == {-1}
    assert set(distance["convention"]) == {"park2023"} and set(distance["depth"]) == {1, 2, 3}
    fourier = table[table["metric"] == "fourier"]
    assert set(fourier["depth"]) == {0, 1, 2, 3} and set(fourier["head"]) == {-1}
    assert set(fourier["component"]) == set(range(len(ops.diagonal_frequencies((4, 6)))))
    assert table["value"].dtype == np.float64 and table["value"].notna().all()


@pytest.mark.parametrize("sizes", [[5], [2, 2, 1], [1] * 5])
@pytest.mark.parametrize("budget", [1e-3, 0.05, 64.0])
def test_no_split_into_batches_or_blocks_changes_a_value(model, images, sizes, budget):
    model, images = model.double(), images.double()
    try:
        whole = measure(model, [images], METRICS, progress=False)
        split = measure(model, images.split(sizes), METRICS, progress=False, budget_mib=budget)
    finally:
        model.float()
    keys = ["metric", "depth", "image", "head", "component"]
    whole, split = (table.sort_values(keys).reset_index(drop=True) for table in (whole, split))
    pd.testing.assert_frame_equal(whole, split, check_categorical=False, atol=1e-12, rtol=1e-10)


def test_a_function_of_ones_own(model, images):
    def strongest(attention):
        return attention.amax(-1).mean(-1)

    table = measure(model, [images], {"strongest": strongest}, layers=[1], budget_mib=1e-3, progress=False)
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    torch.testing.assert_close(values(table, "strongest", 2), strongest(trace.attention[1]).double())
    assert set(table["depth"]) == {2} and set(table["convention"]) == {""}


@pytest.mark.parametrize("budget", [1e-3, 0.05])
def test_values_that_are_views_of_the_attention_are_not_written_over(model, images, budget):
    def first(attention):
        return attention[:, :, 0, 0]

    table = measure(model, [images], {"first": first}, budget_mib=budget, progress=False)
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    torch.testing.assert_close(values(table, "first", 2), trace.attention[1][:, :, 0, 0].double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_that_are_views_of_the_attention_are_not_written_over(dtype):
    def first(attention):
        return attention[..., 0, 0]

    def sums(attention, *, queries):
        return attention[..., 0, :1] if queries.start == 0 else torch.zeros_like(attention[..., 0, :1])

    first.over_queries = SimpleNamespace(sums=sums, finish=lambda total: total[..., 0])
    model = VisionTransformer(img_size=80, embed_dim=48, depth=2, num_heads=4, reg_tokens=2, num_classes=0)
    model, images = model.eval().to(dtype), torch.randn(2, 3, 80, 80, dtype=dtype)
    table = measure(model, [images], {"first": first}, budget_mib=1e-3, progress=False)  # two blocks of 14 queries
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    torch.testing.assert_close(values(table, "first", 2), first(trace.attention[1]).double(), atol=1e-6, rtol=0)


def test_bound_options_are_part_of_the_rows(model, images):
    exact = partial(ops.attention_nmi, convention="exact")
    table = measure(model, [images], {"nmi": exact, "official": ops.attention_nmi}, progress=False, budget_mib=1e-3)
    assert set(table["convention"]) == {"exact", "park2023"}
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    expected = ops.attention_nmi(trace.attention[0], prefix=3, convention="exact")
    torch.testing.assert_close(values(table, "nmi", 1), expected.double(), atol=1e-6, rtol=1e-5)


def test_ones_own_vit(images):
    model = OwnViT("einsum").eval()
    options = {"blocks": list(model.layers), "layout": TokenLayout(0, 0, (4, 6), 16)}
    table = measure(model, [images], {"distance": ops.attention_distance}, progress=False, **options)
    with torch.inference_mode(), tap(model, **options) as trace:
        model(images)
    expected = ops.attention_distance(trace.attention[2], grid=(4, 6), patch_size=16, prefix=0)
    torch.testing.assert_close(values(table, "distance", 3), expected.double(), atol=1e-4, rtol=0)


def test_a_batch_may_be_a_tuple_and_of_another_type(model, images):
    table = measure(model, [(images.double(), torch.zeros(5))], {"nmi": ops.attention_nmi}, progress=False)
    assert table["image"].nunique() == 5


def test_nan_images_are_nan_and_only_they(model, images):
    broken = images.clone()
    broken[3] = float("nan")
    table = measure(model, [broken], METRICS, progress=False)
    bad = table.groupby("image")["value"].agg(lambda column: column.isna().all())
    assert bad[3]
    assert table[table["image"] != 3]["value"].notna().all()


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({}, "no metrics"),
        ({"mine": lambda pixels: pixels}, r"metric 'mine': parameters \['pixels'\] are not what a layer can give"),
        ({"mine": lambda attention, tokens: tokens}, "`attention` alone"),
        ({"mine": lambda tokens: tokens}, r"metric 'mine' returned mine of shape \(5, 24, 48\) for 5 images"),
        ({"mine": lambda tokens: tokens.mean()}, r"of shape \(\) for 5 images"),
        ({"mine": lambda tokens: 1.0}, "of shape float for 5 images"),
        ({"mine": 1.0}, "metric 'mine' is a float, not a function"),
        ({"mine": partial(ops.depth_similarity, before=torch.zeros(1))}, "not bound"),
        ([ops.attention_nmi], r"no metrics \(a list given\)"),
    ],
)
def test_metrics_that_cannot_be(unchecked, model, images, metrics, text):
    with pytest.raises(ValueError, match=text):
        measure(model, [images], metrics, progress=False)


def test_a_budget_of_nothing_is_refused(model, images):
    with pytest.raises(ValueError, match="budget_mib=0; expected MiB above 0"):
        measure(model, [images], METRICS, progress=False, budget_mib=0)


def test_same_names_of_two_metrics_stay_apart(model, images):
    def spread(tokens):
        return {"within": tokens.var(1).mean(-1), "size": tokens.norm(dim=-1).mean(-1)}

    def before_it(before):
        return {"within": before.var(1).mean(-1)}

    table = measure(model, images.split(2), {"out": spread, "in": before_it}, progress=False)
    assert set(table["metric"]) == {"out.within", "in.within", "size"}
    assert table["image"].max() == 4
    alone = measure(model, [images], {"out": spread}, progress=False)
    torch.testing.assert_close(values(table, "out.within", 2), values(alone, "within", 2), atol=1e-6, rtol=1e-5)


def test_a_model_with_registers_and_no_class_token():
    model = VisionTransformer(
        img_size=64, patch_size=16, embed_dim=48, depth=2, num_heads=4, reg_tokens=4, class_token=False,
        global_pool="avg", num_classes=0,
    ).eval()  # fmt: skip
    images = [torch.randn(2, 3, 64, 64)]
    with pytest.raises(ValueError, match="no class token"):
        measure(model, images, {"class": ops.class_attention_statistics}, progress=False)
    assert measure(model, images, {"nmi": ops.attention_nmi}, progress=False)["value"].notna().all()


@pytest.mark.parametrize(
    ("batches", "text"),
    [
        (torch.zeros(5, 3, 64, 96), r"batches= is one tensor \(5, 3, 64, 96\): pass a list of batches"),
        ([torch.zeros(3, 64, 96)], r"images of shape \(3, 64, 96\)"),
        ([torch.zeros(1, 3, 64, 96, dtype=torch.uint8)], r"type torch.uint8; expected floating point.*image_transform"),
        ([{"pixel_values": torch.zeros(1, 3, 64, 96)}], r"a batch holds a dict.*'pixel_values'"),
        ([np.zeros((1, 3, 64, 96))], "a batch holds a ndarray"),
        ([[]], "a batch holds a list"),
    ],
)
def test_batches_that_cannot_be(unchecked, model, batches, text):
    with pytest.raises(ValueError, match=text):
        measure(model, batches, {"nmi": ops.attention_nmi}, progress=False)


def test_train_mode_is_refused(model, images):
    model.train()
    try:
        with pytest.raises(ValueError, match=r"in train mode.*model\.eval\(\)"):
            measure(model, [images], {"nmi": ops.attention_nmi}, progress=False)
    finally:
        model.eval()


def test_a_metric_across_images_wants_one_batch(model, images):
    def gap(tokens):
        return (tokens.mean(1) - tokens.mean((0, 1))).norm(dim=-1)

    gap.across_images = True
    assert measure(model, [images], {"gap": gap}, progress=False)["value"].notna().all()
    with pytest.raises(ValueError, match=r"metrics \['gap'\] compare the images of a batch.*as one batch"):
        measure(model, images.split(2), {"gap": gap}, progress=False)


def test_no_images(model):
    with pytest.raises(ValueError, match=r"no images: batches= was empty"):
        measure(model, [], {"nmi": ops.attention_nmi}, progress=False)


def test_golden_attention_statistics_of_beyond_cls(golden):
    """The official statistics of whole checkpoints, from weights to number."""
    expected = np.load(golden / "beyond_cls" / "attention_stats.npz")
    names = ("dino_backbone", "simmim_vit")  # the file also holds MAE's
    metrics = {"class": ops.class_attention_statistics, "magnitudes": ops.attention_magnitudes}
    for name in names:
        folder = golden / "checkpoints" / name
        inputs = np.load(folder / "expected.npz")
        model = load_model(str(next(folder.glob("checkpoint*"))), num_heads=inputs["attn"].shape[2])
        table = measure(model, [torch.from_numpy(inputs["x"])], metrics, progress=False)
        means = table.groupby(["metric", "depth"], observed=True)["value"].mean()
        for key in (key for key in expected.files if key.startswith(f"{name}/summary/")):
            ours = torch.tensor(means[key.rsplit("/", 1)[-1]].to_numpy())
            theirs = torch.from_numpy(expected[key]).double()
            error = ((ours - theirs).abs() / theirs.abs().clamp(min=1)).max()
            assert error < 1e-5, f"{key}: off by {error:.2g}"
