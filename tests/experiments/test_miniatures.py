"""The README's table of the packaged miniatures, on the same images, to the second decimal."""

import pytest

import models
from experiments.overview import measure
from experiments.settings import Settings
from study.data import open_images
from study.summary import summary

ROUNDED = 0.005 + 1e-4  # half of the second decimal, and float32 on another machine
README = {
    "mini-moco": {
        "distance": (15.01, 15.14, 13.62, 13.28, 14.75, 15.99, 15.64, 16.41),
        "nmi": (0.03, 0.04, 0.06, 0.10, 0.06, 0.04, 0.04, 0.05),
        "token_similarity": (0.69, 0.64, 0.61, 0.58, 0.58, 0.60, 0.60, 0.62),
        "delta_log_amplitude": (-2.91, -2.88, -2.73, -2.56, -2.52, -2.54, -2.54, -2.46),
    },
    "mini-simmim": {
        "distance": (14.49, 8.19, 6.36, 5.61, 5.27, 4.85, 10.36, 10.66),
        "nmi": (0.03, 0.29, 0.52, 0.50, 0.45, 0.48, 0.21, 0.21),
        "token_similarity": (0.68, 0.67, 0.65, 0.68, 0.69, 0.70, 0.68, 0.70),
        "delta_log_amplitude": (-3.49, -3.56, -3.51, -3.47, -3.41, -3.28, -3.14, -3.13),
    },
    "mini-mae": {
        "distance": (14.64, 13.31, 8.91, 12.95, 11.69, 10.96, 7.20, 9.08),
        "nmi": (0.03, 0.07, 0.27, 0.11, 0.14, 0.13, 0.41, 0.23),
        "token_similarity": (0.70, 0.69, 0.68, 0.66, 0.64, 0.61, 0.61, 0.63),
        "delta_log_amplitude": (-3.47, -3.39, -3.22, -3.12, -3.07, -3.01, -2.95, -2.86),
    },
    "mini-supervised": {
        "distance": (15.98, 14.33, 15.30, 15.73, 14.92, 15.62, 16.32, 16.38),
        "nmi": (0.03, 0.08, 0.07, 0.06, 0.10, 0.08, 0.08, 0.04),
        "token_similarity": (0.58, 0.52, 0.48, 0.47, 0.46, 0.45, 0.45, 0.46),
        "delta_log_amplitude": (-2.60, -2.51, -2.41, -2.40, -2.41, -2.43, -2.45, -2.41),
    },
    "mini-hybrid": {
        "distance": (14.85, 14.23, 13.46, 9.44, 7.31, 7.36, 5.44, 12.87),
        "nmi": (0.02, 0.04, 0.08, 0.21, 0.44, 0.37, 0.48, 0.14),
        "token_similarity": (0.72, 0.71, 0.69, 0.73, 0.73, 0.73, 0.70, 0.66),
        "delta_log_amplitude": (-3.53, -3.54, -3.53, -3.53, -3.50, -3.41, -3.27, -3.02),
    },
}


@pytest.fixture(scope="module")
def found(data):
    import torch

    archive = data / "cifar10.zip"
    if not archive.is_file():
        pytest.skip("needs cifar10.zip in VIT_ANATOMY_DATA")
    images = open_images(archive / "test", limit=250)
    assert images.names[:2] == ("airplane/0000.jpg", "airplane/0040.jpg") and len(images) == 250
    settings = Settings(convention="exact", data=str(archive / "test"), batch_size=50)
    loaded = {name: models.load_model(name) for name in README}
    return summary(measure(loaded, images, settings, torch.device("cpu")).tables["overview"])


@pytest.mark.parametrize("model", README)
@pytest.mark.parametrize("metric", ["distance", "nmi", "token_similarity", "delta_log_amplitude"])
def test_table_is_reproduced(found, model, metric):
    rows = found[(found["model"] == model) & (found["metric"] == metric) & (found["depth"] > 0)]
    assert list(rows["depth"]) == list(range(1, 9))
    assert rows["mean"].to_list() == pytest.approx(README[model][metric], abs=ROUNDED)
