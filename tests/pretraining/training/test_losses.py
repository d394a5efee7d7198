import pytest
import torch

from pretraining.training.losses import DivergedError, Losses


def test_means_of_the_steps_since_the_last_reading():
    losses = Losses(every=2)
    losses.add({"loss": torch.tensor(1.0), "mim": torch.tensor(4.0)})
    assert not losses.due
    losses.add({"loss": torch.tensor(2.0), "mim": torch.tensor(0.0)})
    assert losses.due
    assert losses.read(512) == {"loss": 1.5, "mim": 2.0}
    assert losses.read(512) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_bad_step_is_an_error_that_names_position_and_cure(value):
    losses = Losses(every=2)
    losses.add({"loss": torch.tensor(1.0)})
    losses.add({"loss": torch.tensor(value)})
    with pytest.raises(DivergedError, match=r"2 steps before 512 images.*Lower OPTIM\.LR"):
        losses.read(512)
