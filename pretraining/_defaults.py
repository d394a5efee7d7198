"""The tree of all settings of a training and what they are where a recipe says nothing."""

from __future__ import annotations

from typing import Any

from yacs.config import CfgNode

_IMAGENET_MEAN = [0.485, 0.456, 0.406]
_IMAGENET_STD = [0.229, 0.224, 0.225]
_JITTER = [0.4, 0.4, 0.2, 0.1]

_TREE: dict[str, Any] = {
    "METHOD": "mocov3",  # one of methods.METHODS
    "NOTE": "",  # where the settings come from and what is not known of them
    "SEED": 0,
    "ENCODER": {
        "ARCH": "vit_base_patch16_224",  # any timm VisionTransformer or Beit
        "IMG_SIZE": 224,
        "PATCH_SIZE": 16,
        "EMBED_DIM": 0,  # 0, here and in the next two: the architecture's own
        "DEPTH": 0,
        "NUM_HEADS": 0,
        "POSITIONS": "learned",  # learned, or sincos: fixed 2-D sine-cosine, not trained
        "INIT": "method",  # method: as the method's official code draws its weights; timm
        "DROP_PATH": 0.0,  # of the last block, growing linearly from 0 in the first
        "OPTIONS": {},  # further arguments of the timm class
        "WEIGHTS": "",  # of finetune, which needs it: what models.load_model takes, decides all sizes; none: new
    },
    "MOCOV3": {
        "DIM": 256,
        "HIDDEN": 4096,
        "TEMPERATURE": 0.2,
        "MOMENTUM": 0.99,
        "MOMENTUM_COSINE": True,  # rises to 1 over the training
        "FREEZE_PATCH_EMBED": True,
    },
    "SIMMIM": {"MASK_PATCH": 32, "RATIO": 0.6},  # side of a masked block in pixels
    "MAE": {"RATIO": 0.75, "NORM_PIXELS": True, "DECODER_DIM": 512, "DECODER_DEPTH": 8, "DECODER_HEADS": 16},
    "HYBRID": {
        "LAMBDA": 0.2,  # weight of the contrastive loss; that of the masked one is 1 - LAMBDA
        "DECODER_DEPTH": 0,  # blocks between the encoder and SimMIM's linear layer
    },
    "SUPERVISED": {"LABEL_SMOOTHING": 0.1},
    "FINETUNE": {
        "POOLING": "patches",  # patches: their mean, with the last norm behind it; class_token
        "HEAD_STD": 2e-5,  # of the classifier's first weights
        "RELATIVE_BIAS": "kept",  # block: of a table that all blocks share, each gets a copy of its own
        "LABEL_SMOOTHING": 0.1,
        "MIXUP": 0.8,  # of the beta distribution; 0: none
        "CUTMIX": 1.0,
        "MIX_PROB": 1.0,  # of a batch being mixed
        "SWITCH_PROB": 0.5,  # of cutmix rather than mixup, where there are both
    },
    "DATA": {
        "PATH": "",
        "LIMIT": 0,  # number of images; 0: all
        "MEAN": _IMAGENET_MEAN,
        "STD": _IMAGENET_STD,
        "WORKERS": 2,
        "CACHE": True,  # decoded pictures stay in memory while they are small
    },
    "VIEWS": {
        "MIM": {"SCALE": [0.67, 1.0], "FLIP": 0.5},
        "CONTRASTIVE": {
            "SCALE": [0.08, 1.0],
            "FLIP": 0.5,
            "JITTER": _JITTER,  # brightness, contrast, saturation, hue
            "JITTER_P": 0.8,
            "GREY": 0.2,
            "BLUR": [1.0, 0.1],  # probability in the first and in the second view
            "SOLARISE": [0.0, 0.2],
        },
        "SUPERVISED": {"SCALE": [0.08, 1.0], "FLIP": 0.5, "JITTER": _JITTER, "JITTER_P": 0.0},
        "FINETUNE": {
            "SCALE": [0.08, 1.0],
            "FLIP": 0.5,
            "AUGMENT": "rand-m9-mstd0.5-inc1",  # timm's auto_augment; empty: none
            "ERASING": 0.25,  # probability
        },
    },
    "OPTIM": {
        "NAME": "adamw",  # adamw, lars
        "LR": 1.5e-4,  # for REFERENCE_BATCH images a step; scaled linearly with TRAIN.BATCH
        "REFERENCE_BATCH": 256,
        "WEIGHT_DECAY": 0.1,
        "BETAS": [0.9, 0.999],
        "EPS": 1e-8,
        "MOMENTUM": 0.9,  # of LARS
        "TRUST": 0.001,  # of LARS
        "CLIP_GRAD": 0.0,  # largest gradient norm; 0: any
        "DECAY": "all",  # what decays: all; matrices: not 1-D, not biases; weights: nor class token and positions
        "LAYER_DECAY": 1.0,  # learning rate of a layer relative to the next one
    },
    "SCHEDULE": {
        "NAME": "cosine",  # cosine: MoCo's and MAE's; multistep, timm_cosine: SimMIM's
        "EPOCHS": 300,
        "WARMUP_EPOCHS": 40,
        "WARMUP_LR": 0.0,
        "MIN_LR": 0.0,
        "MILESTONES": [],  # in epochs
        "GAMMA": 0.1,  # factor at each milestone
    },
    "TRAIN": {
        "BATCH": 4096,  # images of one optimiser step, over all processes and accumulated parts
        "ACCUMULATE": 1,  # parts of a step; above 1 mocov3 and hybrid have the negatives and batch norms of a part only
        "PRECISION": "float32",  # float32, bfloat16, float16
        "CHECKPOINTING": False,
        "COMPILE": False,
        "SAVE_EVERY": 1.0,  # epochs
    },
    "WATCH": {
        "EVERY": 5,  # epochs
        "IMAGES": 64,
        "KNN_BANK": 5000,
        "KNN_QUERIES": 1000,
        "PATH": "",  # labelled images to measure on; empty: the training images
    },
}


def defaults() -> CfgNode:
    """A new tree of all settings, to be changed and frozen by whoever reads a recipe."""
    tree = CfgNode(_TREE)
    tree.ENCODER.OPTIONS.set_new_allowed(True)
    return tree
