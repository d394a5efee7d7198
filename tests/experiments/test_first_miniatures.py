"""The table that came with the two packaged miniatures, on the same images, to the second decimal."""

import pytest

import models
from experiments.overview import measure
from experiments.settings import Settings
from study.data import open_images
from study.summary import summary

ROUNDED = 0.005 + 1e-4  # half of the second decimal, and float32 on another machine
PUBLISHED = {
    "mini-moco": {
        "distance": (16.40, 16.08, 16.05, 15.95, 16.41, 16.35, 16.32, 16.26),
        "nmi": (0.00, 0.02, 0.02, 0.04, 0.04, 0.02, 0.04, 0.01),
        "token_similarity": (0.30, 0.32, 0.35, 0.29, 0.27, 0.29, 0.32, 0.36),
        "delta_log_amplitude": (-1.87, -1.80, -1.84, -1.63, -1.62, -1.64, -1.76, -1.83),
    },
    "mini-simmim": {
        "distance": (16.04, 12.22, 5.13, 4.09, 4.99, 13.26, 14.10, 15.07),
        "nmi": (0.01, 0.13, 0.57, 0.60, 0.54, 0.15, 0.09, 0.07),
        "token_similarity": (0.37, 0.22, 0.16, 0.19, 0.34, 0.39, 0.43, 0.52),
        "delta_log_amplitude": (-2.35, -2.23, -2.18, -2.18, -2.14, -2.21, -2.23, -2.30),
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
    loaded = {name: models.load_model(name) for name in PUBLISHED}
    return summary(measure(loaded, images, settings, torch.device("cpu")).tables["overview"])


@pytest.mark.parametrize("model", PUBLISHED)
@pytest.mark.parametrize("metric", ["distance", "nmi", "token_similarity", "delta_log_amplitude"])
def test_table_is_reproduced(found, model, metric):
    rows = found[(found["model"] == model) & (found["metric"] == metric) & (found["depth"] > 0)]
    assert list(rows["depth"]) == list(range(1, 9))
    assert rows["mean"].to_list() == pytest.approx(PUBLISHED[model][metric], abs=ROUNDED)
