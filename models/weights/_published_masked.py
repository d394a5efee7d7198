"""Masked-prediction checkpoints: SimMIM, MAE, BEiT and I-JEPA, as their authors' READMEs give them."""

from functools import partial

from .entry import FACEBOOK, IN1K, IN22K, Weights, timm_options
from .normalisation import HALF

BEIT_FILES = "https://github.com/addf400/files/releases/download"
# timm's beit_* is the fine-tuned network; pre-training leaves one shared table and the final norm.
PRETRAINED_BEIT = {
    "use_abs_pos_emb": False,
    "use_rel_pos_bias": False,
    "use_shared_rel_pos_bias": True,
    "init_values": 0.1,
    "global_pool": "token",
    "num_classes": 0,
}


def simmim() -> list[Weights]:
    """The only SimMIM ViT, pre-trained and fine-tuned."""
    weights = partial(
        Weights,
        architecture="beit_base_patch16_224",
        family="simmim",
        method="SimMIM",
        data=IN1K,
        licence="MIT",
        paper="2111.09886",
    )
    return [
        weights(
            name="beit_base_patch16_224.simmim",
            options=timm_options(**PRETRAINED_BEIT),
            urls=("gdrive:1dJn6GYkwMIcoP3zqOEyW1_iQfpBi8UOw",),
            filename="simmim_pretrain__vit_base__img224__800ep.pth",
            note="the authors' only host is Google Drive",
        ),
        weights(
            name="beit_base_patch16_224.simmim_ft_in1k",
            options=timm_options(use_rel_pos_bias=True, global_pool="avg", init_values=0.1, num_classes=1000),
            urls=("gdrive:1fKgDYd0tRgyHyTnyB1CleYxjo0Gn5tEB",),
            filename="simmim_finetune__vit_base__img224__800ep.pth",
            saw_labels=True,
            note="fine-tuned on labels; the authors' only host is Google Drive",
        ),
    ]


MAE_ARCHITECTURE = {
    "base": "vit_base_patch16_224",
    "large": "vit_large_patch16_224",
    "huge": "vit_huge_patch14_224",
}
# Sizes and sha256 from Git LFS pointers of two repositories, md5 from the authors' FINETUNE.md.
MAE_KNOWN: dict[str, dict[str, object]] = {
    "base": {
        "bytes": 343249461,
        "sha256": "aec5f0b68e5f3193a00b07bc65a37440db549c15b36b8bea242606cc40c4bc5d",
        "hash_prefix": "md5:8cad7c",
    },
    "large": {
        "bytes": 1213314565,
        "sha256": "d2ceff4892889d0c0f5418fa8bcb02e6a25a37fc3bdc0619c3cacd7d3d05c39f",
        "hash_prefix": "md5:b8b06e",
    },
    "huge": {"hash_prefix": "md5:9bdbb0"},
}


def _mae_file(size: str, tag: str, path: str, **changes: object) -> Weights:
    architecture = MAE_ARCHITECTURE[size]
    fields: dict[str, object] = {"options": timm_options(num_classes=0), **changes}
    return Weights(
        name=f"{architecture}.{tag}",
        architecture=architecture,
        family="mae",
        method="MAE",
        data=IN1K,
        licence="CC-BY-NC-4.0",
        paper="2111.06377",
        urls=(f"{FACEBOOK}/mae/{path}",),
        filename=path.rpartition("/")[2],
        **fields,  # type: ignore[arg-type]
    )


def mae(size: str) -> list[Weights]:
    """Encoder, encoder with decoder, the visualisation model and the fine-tuned one."""
    pixels = "with decoder; trained on un-normalised pixels, so the encoder differs from `.mae`"
    return [
        _mae_file(size, "mae", f"pretrain/mae_pretrain_vit_{size}.pth", timm_hosted=True, **MAE_KNOWN[size]),
        _mae_file(size, "mae_full", f"pretrain/mae_pretrain_vit_{size}_full.pth", note="with decoder"),
        _mae_file(size, "mae_visualize", f"visualize/mae_visualize_vit_{size}.pth", note=pixels),
        _mae_file(
            size,
            "mae_ft_in1k",
            f"finetune/mae_finetuned_vit_{size}.pth",
            options=timm_options(global_pool="avg", num_classes=1000),
            saw_labels=True,
            note="fine-tuned on labels",
        ),
    ]


def mae_gan() -> Weights:
    """The visualisation model of MAE's demo notebook that was trained with an adversarial loss too."""
    path = "visualize/mae_visualize_vit_large_ganloss.pth"
    note = "with decoder, trained on un-normalised pixels with a further adversarial loss"
    return _mae_file("large", "mae_visualize_gan", path, note=note)


def beit(size: str) -> list[Weights]:
    """BEiT and BEiT v2 before any fine-tuning, which timm does not host."""
    scale = 0.1 if size == "base" else 1e-5
    options = timm_options(**{**PRETRAINED_BEIT, "init_values": scale})
    weights = partial(Weights, options=options, licence="MIT")
    first, second = f"beit_{size}_patch16_224", f"beitv2_{size}_patch16_224"
    return [
        weights(
            name=f"{first}.pt22k",
            architecture=first,
            family="beit",
            method="BEiT",
            data=IN22K,
            paper="2106.08254",
            urls=(f"{BEIT_FILES}/v1.0/{first}_pt22k.pth",),
            filename=f"{first}_pt22k.pth",
            mean=HALF,
            std=HALF,
            note="no labels; targets from DALL-E's tokenizer. timm's beit_* tags are fine-tuned on labels",
        ),
        weights(
            name=f"{second}.pt1k",
            architecture=second,
            family="beitv2",
            method="BEiT v2",
            data=IN1K,
            paper="2208.06366",
            urls=(f"{BEIT_FILES}/BEiT-v2/{second}_pt1k.pth",),
            filename=f"{second}_pt1k.pth",
            note="no labels; targets from a tokenizer distilled from CLIP, which saw captions. "
            "timm's own beitv2_* tags are fine-tuned on labels",
        ),
    ]


def ijepa(architecture: str, tag: str, file: str, data: str, crop_pct: float) -> Weights:
    """Target encoder inside a training checkpoint; timm reads it."""
    return Weights(
        name=f"{architecture}.{tag}",
        architecture=architecture,
        options=timm_options(num_classes=0),
        family="ijepa",
        method="I-JEPA",
        data=data,
        licence="CC-BY-NC-4.0",
        paper="2301.08243",
        urls=(f"{FACEBOOK}/ijepa/{file}",),
        filename=file,
        crop_pct=crop_pct,
        timm_hosted=True,
        note="no class token; the file is a whole training checkpoint",
    )
