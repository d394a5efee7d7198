"""What this project's pretraining writes into a checkpoint is believed; of other files nothing is assumed."""

import pytest
import torch

from models import inspect_checkpoint, load_model
from models.checkpoints.card import card_of
from models.checkpoints.checkpoint import read_checkpoint
from tests.models._tiny import vit

KNOWN = {"num_heads": 2, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "images_seen": 1000}


@pytest.fixture
def written(tmp_path):
    """`written(known)`: a checkpoint with an entry of ours."""

    def made(known):
        state = {f"encoder.{name}": value for name, value in vit().state_dict().items()}
        state["encoder.mask_token"] = torch.zeros(1, 1, state["encoder.cls_token"].shape[2])
        torch.save({"model": state, "vit_anatomy": known}, tmp_path / "checkpoint.pth")
        return tmp_path / "checkpoint.pth"

    return made


def test_heads_and_normalisation_come_from_the_file(written):
    path = written(KNOWN)
    model = load_model(path)
    assert model.blocks[0].attn.num_heads == 2
    assert model.pretrained_cfg["mean"] == (0.1, 0.2, 0.3)
    assert model.passport.family == "simmim" and model.passport.heads == 2
    assert model.passport.licence is None and model.passport.dropped["[vit_anatomy]"]
    assert inspect_checkpoint(path) == model.passport


def test_another_number_of_heads_is_refused(written):
    with pytest.raises(ValueError, match="num_heads=4, but the file says 2"):
        load_model(written(KNOWN), num_heads=4)


def test_a_part_of_the_entry_is_refused(written):
    with pytest.raises(ValueError, match="entry 'vit_anatomy' has no std; it is of another version"):
        load_model(written({name: value for name, value in KNOWN.items() if name != "std"}))


@pytest.mark.parametrize("foreign", [None, "v1.0", 3])
def test_an_entry_of_somebody_else_is_no_card(written, foreign):
    assert card_of(read_checkpoint(written(foreign))) is None
