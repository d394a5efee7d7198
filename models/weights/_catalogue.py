"""All published weights in one tuple, the supervised control and the packaged miniatures among them."""

from functools import partial
from typing import NamedTuple

from . import _published_joint as joint
from . import _published_masked as masked
from .entry import FACEBOOK, IN1K, IN22K, Weights, timm_options
from .normalisation import HALF


def _supervised() -> list[Weights]:
    weights = partial(
        Weights,
        family="supervised",
        data=IN1K,
        licence="Apache-2.0",
        saw_labels=True,
        timm_hosted=True,
        options=timm_options(num_classes=1000),
    )
    return [
        weights(
            name="deit_base_patch16_224.fb_in1k",
            architecture="deit_base_patch16_224",
            method="supervised (DeiT)",
            paper="2012.12877",
            urls=(f"{FACEBOOK}/deit/deit_base_patch16_224-b5f2ef4d.pth",),
            filename="deit_base_patch16_224-b5f2ef4d.pth",
            hash_prefix="sha256:b5f2ef4d",
            note="the control: images, normalisation, 224 px and 300 epochs as MoCo-v3, plus labels",
        ),
        weights(
            name="vit_base_patch16_224.augreg_in1k",
            architecture="vit_base_patch16_224",
            method="supervised (AugReg)",
            paper="2106.10270",
            mean=HALF,
            std=HALF,
            crop_pct=0.9,
        ),
    ]


class _Miniature(NamedTuple):
    """A packaged network of 32 px, trained by this project; all of them share architecture, data and length."""

    alias: str
    tag: str
    method: str
    filename: str
    bytes: int
    sha256: str


_MINIATURES = (
    _Miniature(
        "mini-moco",
        "mocov3",
        "MoCo-v3",
        "moco.safetensors",
        2446928,
        "3a289fa7f8399852357139f4e9db7fabe005bfe7e4c93f88e891449b86408c0e",
    ),
    _Miniature(
        "mini-simmim",
        "simmim",
        "SimMIM",
        "simmim.safetensors",
        2446928,
        "08adf41be60c1fb88dd9c02ebee13b30bfd7205e2f459d8170ff61ee9e0e0c59",
    ),
    _Miniature(
        "mini-mae",
        "mae",
        "MAE",
        "mae.safetensors",
        2446928,
        "528ff2ada88427bef63341268c82c6a5c56daf3a1c8e35bfb3ad04df9243c361",
    ),
    _Miniature(
        "mini-hybrid",
        "hybrid",
        "hybrid",
        "hybrid.safetensors",
        2446928,
        "b3f8b7f24d357f3d9f094f606cb2e26d10bfe666f662d9847d5bbc96cf9f03e1",
    ),
    _Miniature(
        "mini-supervised",
        "supervised",
        "supervised",
        "supervised.safetensors",
        2446928,
        "f54a6c8547bcd47d331fceb934b883b1ef3d89e3e52af5a8977d98b3c24c0a61",
    ),
)
_MINI = "vit_mini_patch4_32"
_MINI_NOTE = (
    "one million images of 32 px seen; same start, data and number of images for all; not a confirmation of any paper"
)
_MINI_POSITIONS = "sine-cosine"


def _minis() -> list[Weights]:
    weights = partial(
        Weights,
        architecture="vit_tiny_patch16_224",
        options=timm_options(
            img_size=32, patch_size=4, embed_dim=96, depth=8, num_heads=3, mlp_ratio=2.0, num_classes=0
        ),
        family="mini",
        licence="MIT",
        paper="",
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.247, 0.243, 0.261),
        crop_pct=1.0,
        positions=_MINI_POSITIONS,
    )
    trained = [
        weights(
            name=f"{_MINI}.{mini.tag}",
            method=mini.method,
            data="CIFAR-10",
            filename=mini.filename,
            bytes=mini.bytes,
            sha256=mini.sha256,
            saw_labels=mini.tag == "supervised",
            packaged=True,
            note=_MINI_NOTE,
        )
        for mini in _MINIATURES
    ]
    note = "random initialisation: the untrained control"
    return [*trained, weights(name=f"{_MINI}.random", method="untrained", data="none", note=note)]


CATALOGUE: tuple[Weights, ...] = (
    *joint.mocov3("small", 12),
    *joint.mocov3("base", 12),
    *masked.simmim(),
    *(weights for size in masked.MAE_ARCHITECTURE for weights in masked.mae(size)),
    masked.mae_gan(),
    joint.dino("vit_small_patch16_224", "dino_deitsmall16"),
    joint.dino("vit_small_patch8_224", "dino_deitsmall8"),
    joint.dino("vit_base_patch16_224", "dino_vitbase16"),
    joint.dino("vit_base_patch8_224", "dino_vitbase8"),
    *masked.beit("base"),
    *masked.beit("large"),
    *(weights for size in ("small", "base", "large", "giant") for weights in joint.dinov2(size)),
    joint.ibot("small", "ibot", "vits_16", IN1K),
    joint.ibot("base", "ibot", "vitb_16", IN1K),
    joint.ibot("base", "ibot_rand_mask", "vitb_16_rand_mask", IN1K),
    joint.ibot("large", "ibot", "vitl_16", IN1K),
    joint.ibot("large", "ibot_rand_mask", "vitl_16_rand_mask", IN1K),
    joint.ibot("base", "ibot_pt22k", "vitb_16_pt22k", IN22K, network="student"),
    joint.ibot("large", "ibot_pt22k", "vitl_16_pt22k", IN22K, network="student"),
    masked.ijepa("vit_huge_patch14_gap_224", "in1k_ijepa", "IN1K-vit.h.14-300e.pth.tar", IN1K, 0.9),
    masked.ijepa("vit_huge_patch14_gap_224", "in22k_ijepa", "IN22K-vit.h.14-900e.pth.tar", IN22K, 0.9),
    masked.ijepa("vit_huge_patch16_gap_448", "in1k_ijepa", "IN1K-vit.h.16-448px-300e.pth.tar", IN1K, 1.0),
    masked.ijepa("vit_giant_patch16_gap_224", "in22k_ijepa", "IN22K-vit.g.16-600e.pth.tar", IN22K, 0.9),
    *_supervised(),
    *_minis(),
)

ALIASES = {
    "moco": "vit_base_patch16_224.mocov3",
    "simmim": "beit_base_patch16_224.simmim",
    "mae": "vit_base_patch16_224.mae",
    "dino": "vit_base_patch16_224.dino",
    "beit": "beit_base_patch16_224.pt22k",
    "supervised": "deit_base_patch16_224.fb_in1k",
    **{mini.alias: f"{_MINI}.{mini.tag}" for mini in _MINIATURES},
    "mini-random": f"{_MINI}.random",
}
