import torch

from pretraining.training import stopping
from pretraining.training.stopping import Listening, Wish
from study.processes import Process


def test_several_processes_ask_after_every_slow_step(monkeypatch):
    asked = []

    def agreed(flag, device):
        asked.append(flag)
        return flag

    monkeypatch.setattr(stopping, "agreed", agreed)
    listening = Listening(wish := Wish(stop=True), Process(1, 2, torch.device("cpu")))
    assert listening.stop(False)  # nothing is known yet: torchrun may not wait for ten steps
    listening.timed(0.1)
    assert not listening.stop(False) and listening.stop(True)
    listening.timed(3.0)
    assert listening.stop(False)
    wish.stop = False
    assert not listening.stop(False)
    assert asked == [True, False, True, True, True, False]


def test_one_process_asks_nobody(monkeypatch):
    monkeypatch.setattr(stopping, "agreed", lambda flag, device: 1 / 0)
    listening = Listening(wish := Wish(), Process(0, 1, torch.device("cpu")))
    assert not listening.stop(False)
    wish.stop = True
    assert listening.stop(False)
