"""What the analyses cost: ViT-B/16 at 224 px, one thread, all metrics in one forward pass.

    python -m benchmarks.one_pass [--images 16] [--rounds 5]

Compared in one run, in turns: the plain timm forward; one pass with eight metrics; the same plus token singular
spectra; all maps kept and computed afterwards; and, as users have it today, unfused attention and hooks, with a pass
for each metric. `ratio` is one pass over plain forward, `extra_mib` the peak of live tensors above the plain forward.
"""

from __future__ import annotations

import argparse

import timm
import torch
from torch import Tensor, nn

import ops
from benchmarks._timing import fastest, peak_mib, report
from models import measure, tap

METRICS = {
    "distance": ops.attention_distance,
    "nmi": ops.attention_nmi,
    "entropy": ops.attention_entropy,
    "class": ops.class_attention_statistics,
    "heads": ops.head_similarity,
    "depths": ops.depth_similarity,
    "tokens": ops.token_similarity,
    "fourier": ops.relative_log_amplitude,
}
GRID = {"grid": (14, 14)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = timm.create_model("vit_base_patch16_224", num_classes=0).eval()
    images = torch.randn(arguments.images, 3, 224, 224)

    variants = {
        "plain forward": lambda: _plain(model, images),
        "one pass, 8 metrics": lambda: measure(model, [images], METRICS, progress=False),
        "one pass, 8 metrics + token spectra": lambda: measure(
            model, [images], {**METRICS, "spectrum": ops.singular_spectrum}, progress=False
        ),
        "all maps kept, then 8 metrics": lambda: _keep_all(model, images),
        "today: unfused hooks, one pass per metric": lambda: _today(model, images),
    }
    _plain(model, images[:2])
    seconds = fastest(variants, arguments.rounds)
    plain = seconds["plain forward"]
    memory = {name: peak_mib(run) for name, run in list(variants.items())[:4]}
    base = memory["plain forward"]
    layer = arguments.images * 12 * 197 * 197 * 4 / 2**20
    rows = {
        name: {"s": value, "of plain": value / plain} | ({"extra MiB": memory[name] - base} if name in memory else {})
        for name, value in seconds.items()
    }
    report(
        f"ViT-B/16, 224 px, {arguments.images} images, one thread, minimum of {arguments.rounds}; "
        f"attention of one layer: {layer:.1f} MiB",
        rows,
        {
            "benchmark": "one_pass",
            "ratio": seconds["one pass, 8 metrics"] / plain,
            "ratio_with_spectra": seconds["one pass, 8 metrics + token spectra"] / plain,
            "ratio_keep_all": seconds["all maps kept, then 8 metrics"] / plain,
            "ratio_today": seconds["today: unfused hooks, one pass per metric"] / plain,
            "extra_mib": memory["one pass, 8 metrics"] - base,
            "extra_mib_keep_all": memory["all maps kept, then 8 metrics"] - base,
            "layer_mib": layer,
        },
    )


@torch.inference_mode()
def _plain(model: nn.Module, images: Tensor) -> None:
    model(images)


@torch.inference_mode()
def _keep_all(model: nn.Module, images: Tensor) -> None:
    with tap(model) as trace:
        model(images)
    for layer in trace.attention:
        _of_attention(trace.attention[layer])
        ops.head_similarity(trace.head_outputs[layer][..., 1:, :])
        ops.depth_similarity(trace.before_attention[layer][:, 1:], trace.after_attention[layer][:, 1:])
        ops.token_similarity(trace.after_mlp[layer][:, 1:])
        ops.relative_log_amplitude(trace.after_mlp[layer][:, 1:], **GRID)


def _of_attention(attention: Tensor) -> None:
    ops.attention_distance(attention, patch_size=16, **GRID)
    ops.attention_nmi(attention)
    ops.attention_entropy(attention)
    ops.class_attention_statistics(attention)


@torch.inference_mode()
def _today(model: nn.Module, images: Tensor) -> None:
    """Fused attention switched off, a hook on `attn_drop` or on the block, and a forward pass for each metric."""
    attention_metrics = [
        lambda attention: ops.attention_distance(attention, patch_size=16, **GRID),
        ops.attention_nmi,
        ops.attention_entropy,
        ops.class_attention_statistics,
    ]
    fused = [block.attn.fused_attn for block in model.blocks]
    try:
        for block in model.blocks:
            block.attn.fused_attn = False
        for metric in attention_metrics:
            _hooked(model, images, [block.attn.attn_drop for block in model.blocks], metric)
        _hooked(model, images, [block.attn.norm for block in model.blocks], lambda x: ops.head_similarity(_heads(x)))
        _hooked(model, images, [block.ls1 for block in model.blocks], lambda x: ops.depth_similarity(x, x))
        _hooked(model, images, model.blocks, lambda x: ops.token_similarity(x[:, 1:]))
        _hooked(model, images, model.blocks, lambda x: ops.relative_log_amplitude(x[:, 1:], **GRID))
    finally:
        for block, was in zip(model.blocks, fused, strict=True):
            block.attn.fused_attn = was


def _heads(tokens: Tensor) -> Tensor:
    return tokens.unflatten(-1, (12, 64)).transpose(1, 2)[..., 1:, :]


def _hooked(model: nn.Module, images: Tensor, modules, metric) -> None:
    kept: list[Tensor] = []
    handles = [module.register_forward_hook(lambda _, args, output: kept.append(output)) for module in modules]
    model(images)
    for handle in handles:
        handle.remove()
    for tensor in kept:
        metric(tensor)


if __name__ == "__main__":
    main()
