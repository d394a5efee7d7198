"""The methods' own initialisations, as their papers' code draws them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..encoder import Encoder

STD = 0.02  # of tokens in MAE and of everything in SimMIM
CLASS_TOKEN_STD = 1e-6  # MoCo-v3


@torch.no_grad()
def mocov3_weights(encoder: Encoder) -> None:
    """Xavier uniform, with query, key and value each for itself; for the encoder without projector."""
    for name, layer in _linear_layers(encoder):
        parts = layer.weight.chunk(3) if name.endswith("qkv") else (layer.weight,)
        for part in parts:
            nn.init.xavier_uniform_(part)
    _zero_biases(encoder)
    projection = encoder.patch_embed.proj
    bound = math.sqrt(6 / (projection.weight[0].numel() + encoder.embed_dim))
    nn.init.uniform_(projection.weight, -bound, bound)
    nn.init.normal_(encoder.cls_token, std=CLASS_TOKEN_STD)


@torch.no_grad()
def mae_weights(module: nn.Module) -> None:
    """Xavier uniform, with query, key and value as one matrix; for MAE's encoder and decoder."""
    for _, layer in _linear_layers(module):
        nn.init.xavier_uniform_(layer.weight)
    _zero_biases(module)


@torch.no_grad()
def mae_tokens(encoder: Encoder) -> None:
    """The patch embedding as a linear layer, and a normal class token."""
    nn.init.xavier_uniform_(encoder.patch_embed.proj.weight.flatten(1))
    nn.init.zeros_(encoder.patch_embed.proj.bias)
    nn.init.normal_(encoder.cls_token, std=STD)


@torch.no_grad()
def simmim_weights(encoder: Encoder) -> None:
    """Normal and cut at one standard deviation; what each block adds is smaller the deeper it lies."""
    for _, layer in _linear_layers(encoder):
        _cut_normal(layer.weight)
    _zero_biases(encoder)
    _cut_normal(encoder.patch_embed.proj.weight)
    _cut_normal(encoder.cls_token)
    if encoder.pos_embed is not None and encoder.pos_embed.requires_grad:
        _cut_normal(encoder.pos_embed)
    for level, block in enumerate(encoder.blocks, start=1):
        block.attn.proj.weight.div_(math.sqrt(2 * level))
        block.mlp.fc2.weight.div_(math.sqrt(2 * level))


@torch.no_grad()
def simmim_mask_token(encoder: Encoder) -> None:
    """The mask token, drawn as the other tokens are."""
    _cut_normal(encoder.mask_token)


def _cut_normal(weight: Tensor) -> None:
    nn.init.trunc_normal_(weight, std=STD, a=-STD, b=STD)


def _linear_layers(module: nn.Module) -> list[tuple[str, nn.Linear]]:
    return [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]


def _zero_biases(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
