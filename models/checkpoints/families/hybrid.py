"""The hybrid of MIM and CL (Park et al. 2023, arXiv:2305.00729): files of this project's pretraining."""

from ._family import INDEX, Drop, Family, Format, Part

HYBRID = Family(
    name="hybrid",
    title="MIM + CL",
    formats=(
        Format(
            name="pre-training",
            parts=(
                Part("encoder", ("model",), ("encoder.",)),
                Part("momentum_encoder", ("model",), ("momentum_encoder.",)),
            ),
            marks=(r"blocks\.0\.norm1\.weight",),
            evidence=(r"momentum_encoder\.blocks\.0\.norm1\.weight", r"decoder\.0\.weight"),
            drops=(
                INDEX,
                Drop(r"encoder\.mask_token", "stands for masked patches; no image is masked here"),
                Drop(r"decoder(_blocks)?\..*", "reconstruction head"),
                Drop(r"(momentum_)?projector\..*", "projector, not used in evaluation"),
                Drop(r"predictor\..*", "predictor of the contrastive loss"),
            ),
        ),
    ),
    heads={(768, 12): 12},
    licence="MIT",
)
