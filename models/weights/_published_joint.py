"""Joint-embedding checkpoints: MoCo-v3, DINO, DINOv2 and iBOT, as their authors' READMEs give them."""

from functools import partial

from .entry import FACEBOOK, IN1K, Weights, timm_options

IBOT_FILES = "https://lf3-nlp-opensource.bytetos.com/obj/nlp-opensource/archive/2022/ibot"


def mocov3(size: str, heads: int) -> list[Weights]:
    """Pre-trained and linear-probe file; the number of heads cannot be read from them (ViT-S has 12)."""
    letter, architecture = size[0], f"vit_{size}_patch16_224"
    weights = partial(
        Weights,
        architecture=architecture,
        family="mocov3",
        method="MoCo-v3",
        data=IN1K,
        licence="CC-BY-NC-4.0",
        paper="2104.02057",
        interpolation="bilinear",
    )
    file = f"vit-{letter}-300ep.pth.tar"
    root = f"{FACEBOOK}/moco-v3/vit-{letter}-300ep"
    return [
        weights(
            name=f"{architecture}.mocov3",
            options=timm_options(num_heads=heads, num_classes=0),
            urls=(f"{root}/{file}",),
            filename=file,
        ),
        weights(
            name=f"{architecture}.mocov3_linear",
            options=timm_options(num_heads=heads, num_classes=1000),
            urls=(f"{root}/linear-{file}",),
            filename=f"linear-{file}",
            saw_labels=True,
            note="same frozen backbone; only the linear head saw labels",
        ),
    ]


def dino(architecture: str, stem: str) -> Weights:
    """The teacher's backbone; timm hosts the same weights."""
    return Weights(
        name=f"{architecture}.dino",
        architecture=architecture,
        options=timm_options(num_classes=0),
        family="dino",
        method="DINO",
        data=IN1K,
        licence="Apache-2.0",
        paper="2104.14294",
        urls=(f"{FACEBOOK}/dino/{stem}_pretrain/{stem}_pretrain.pth",),
        filename=f"{stem}_pretrain.pth",
        timm_hosted=True,
        note="the teacher's backbone",
    )


def dinov2(size: str) -> list[Weights]:
    """Without and with four register tokens; timm hosts the same weights."""
    weights = partial(
        Weights,
        family="dinov2",
        data="LVD-142M",
        licence="Apache-2.0",
        crop_pct=1.0,
        timm_hosted=True,
        options=timm_options(num_classes=0),
    )
    folder = f"dinov2_vit{size[0]}14"
    root = f"{FACEBOOK}/dinov2/{folder}"
    return [
        weights(
            name=f"vit_{size}_patch14_dinov2.lvd142m",
            architecture=f"vit_{size}_patch14_dinov2",
            method="DINOv2",
            paper="2304.07193",
            urls=(f"{root}/{folder}_pretrain.pth",),
            filename=f"{folder}_pretrain.pth",
        ),
        weights(
            name=f"vit_{size}_patch14_reg4_dinov2.lvd142m",
            architecture=f"vit_{size}_patch14_reg4_dinov2",
            method="DINOv2 with registers",
            paper="2309.16588",
            urls=(f"{root}/{folder}_reg4_pretrain.pth",),
            filename=f"{folder}_reg4_pretrain.pth",
        ),
    ]


def ibot(size: str, tag: str, folder: str, data: str, network: str = "teacher") -> Weights:
    """Backbone file of the official hubconf and README; timm has none."""
    architecture = f"vit_{size}_patch16_224"
    return Weights(
        name=f"{architecture}.{tag}",
        architecture=architecture,
        options=timm_options(num_classes=0),
        family="ibot",
        method="iBOT",
        data=data,
        licence="Apache-2.0",
        paper="2111.07832",
        urls=(f"{IBOT_FILES}/{folder}/checkpoint_{network}.pth",),
        filename=f"ibot_{folder}_{network}.pth",
        note=f"the {network}'s backbone",
    )
