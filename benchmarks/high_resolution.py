"""Exact attention statistics at 1024 x 1024 px (4097 tokens), ViT-B/16, every layer, without ever holding a map.

    python -m benchmarks.high_resolution [--side 1024] [--rounds 5] [--layers 0 11] [--threads 1]

Prints time and peak of live tensors against the plain forward, and the largest difference from the unblocked result in
float64 on a sample of layers. NMI is of convention "exact", which needs no logarithm of each weight; "park2023", whose
epsilon inside the logarithm does, is timed beside it and is no part of `ratio`. Weights are random, queries and keys
scaled so that the attention is as sharp as that of a trained model.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial

import timm
import torch
from torch import Tensor, nn

import ops
from benchmarks._timing import fastest, peak_mib, report
from models import measure, tap

NMI = partial(ops.attention_nmi, convention="exact")
METRICS = {"distance": ops.attention_distance, "nmi": NMI, "entropy": ops.attention_entropy}
PARK = {**METRICS, "nmi": ops.attention_nmi}
SHARPER = 3.0  # factor on queries and keys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024, help="of the image, px")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, nargs="+", default=[0, 11], help="compared with float64")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = _sharp_model(arguments.side)
    image = torch.randn(1, 3, arguments.side, arguments.side)

    variants = {
        "plain forward": lambda: _plain(model, image),
        "3 metrics, all layers (exact NMI)": lambda: _measure(model, image, METRICS),
        "3 metrics, all layers (park2023 NMI)": lambda: _measure(model, image, PARK),
    }
    seconds = fastest(variants, arguments.rounds)
    memory = {name: peak_mib(run) for name, run in variants.items()}
    tokens = (arguments.side // 16) ** 2 + 1
    plain, ours, park = variants
    rows = {
        name: {"s": seconds[name], "of plain": seconds[name] / seconds[plain], "MiB": memory[name]} for name in variants
    }
    errors = {layer: _largest_errors(model, image, layer) for layer in arguments.layers}
    for layer, error in errors.items():
        rows[f"layer {layer}: largest relative error"] = error
    report(
        f"ViT-B/16, {arguments.side} px, {tokens} tokens, {arguments.threads} threads, minimum of {arguments.rounds}; "
        f"all maps kept would take {12 * 12 * tokens**2 * 4 / 1e9:.1f} GB",
        rows,
        {
            "benchmark": "high_resolution",
            "tokens": tokens,
            "ratio": seconds[ours] / seconds[plain],
            "ratio_park2023": seconds[park] / seconds[plain],
            "extra_mib": memory[ours] - memory[plain],
            "largest_relative_error": max(value for error in errors.values() for value in error.values()),
        },
    )


def _sharp_model(side: int) -> nn.Module:
    model = timm.create_model("vit_base_patch16_224", num_classes=0, img_size=side).eval()
    with torch.no_grad():
        for block in model.blocks:
            block.attn.qkv.weight[: 2 * 768] *= SHARPER
    return model


@torch.inference_mode()
def _plain(model: nn.Module, image: Tensor) -> None:
    model(image)


def _measure(model: nn.Module, image: Tensor, metrics: Mapping[str, Callable[..., Tensor]]) -> None:
    measure(model, [image], metrics, progress=False)


def _largest_errors(model: nn.Module, image: Tensor, layer: int) -> dict[str, float]:
    """Largest difference over heads from the unblocked float64 statistics, relative to them."""
    table = measure(model, [image], METRICS, layers=[layer], progress=False)
    with torch.inference_mode(), tap(model, layers=[layer], points=["queries", "keys"]) as trace:
        model(image)
    errors = dict.fromkeys(METRICS, 0.0)
    for head in range(12):
        q, k = trace.queries[layer][:, head : head + 1].double(), trace.keys[layer][:, head : head + 1].double()
        attention = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        expected = {
            "distance": ops.attention_distance(attention, grid=trace.layout.grid, patch_size=16),
            "nmi": NMI(attention),
            "entropy": ops.attention_entropy(attention),
        }
        for name, value in expected.items():
            row = table[(table["metric"] == name) & (table["head"] == head)]
            errors[name] = max(errors[name], abs(float(row["value"].iloc[0]) / float(value) - 1))
    return errors


if __name__ == "__main__":
    main()
