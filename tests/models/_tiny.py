"""Checkpoints of a few kilobytes, made on the fly in the layouts of the official files."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from timm.models.beit import Beit
from timm.models.vision_transformer import VisionTransformer

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3}


def vit(**options):
    """An untrained ViT of 24 x 2 with every parameter random and not zero."""
    return _shaken(VisionTransformer(**{**SIZES, "num_classes": 0, **options}))


def beit(**options):
    """The same for Beit, by default as SimMIM's encoder."""
    simmim = {"use_abs_pos_emb": False, "use_shared_rel_pos_bias": True, "init_values": 0.1}
    return _shaken(Beit(**{**SIZES, "num_classes": 0, "global_pool": "token", **simmim, **options}))


def _shaken(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def prefixed(prefix, state):
    return OrderedDict((f"{prefix}{name}", value) for name, value in state.items())


def mocov3(model, momentum=None):
    """A pre-training file of MoCo-v3."""
    state = prefixed("module.base_encoder.", model.state_dict())
    state |= prefixed("module.momentum_encoder.", (momentum or vit()).state_dict())
    state |= {"module.base_encoder.head.0.weight": torch.rand(8, 24), "module.predictor.0.weight": torch.rand(8, 8)}
    return {"epoch": 3, "arch": "vit_small", "state_dict": state, "optimizer": {"state": {0: torch.rand(2)}}}


def saved(payload, path: Path, **options) -> Path:
    torch.save(payload, path, **options)
    return path


def expected(folder: Path):
    """(arrays, meta, path of the checkpoint) of a golden folder."""
    arrays = np.load(folder / "expected.npz")
    meta = json.loads(str(arrays["meta"]))
    return arrays, meta, folder / meta["file"]
