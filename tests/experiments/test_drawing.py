"""Names of models in figures: short enough to stand beside each other, told apart, whole in tables."""

import shutil

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments import __main__ as program
from experiments.__main__ import main
from experiments.drawing import LONGEST, short_names
from ops.plots import style
from study.record import read_table
from tests.experiments.test_main import ROOT

OFFICIAL = "simmim_pretrain__vit_base__img224__800ep.pth"


def test_long_names_are_shortened_and_stay_apart():
    assert short_names(["mini-supervised", "vit_base_patch16_224"]) == {}
    assert short_names([OFFICIAL, "mae_pretrain_vit_base.pth"]) == {
        OFFICIAL: "simmim_pre...4__800ep",
        "mae_pretrain_vit_base.pth": "mae_pretrain_vit_base",
    }
    alike = ["checkpoint_of_run_1_epoch_0800.pth", "checkpoint_of_run_2_epoch_0800.pth"]
    assert short_names(alike) == {}  # short they would be one
    assert short_names([*alike, "checkpoint_of_run_1.pth.tar"]) == {
        "checkpoint_of_run_1.pth.tar": "checkpoint_of_run_1"
    }


@pytest.mark.parametrize("name", ["attention-distance", "token-transformation"])
def test_nothing_in_a_figure_of_a_long_name_is_cut_off(name, tmp_path, monkeypatch):
    weights = tmp_path / OFFICIAL
    shutil.copy(ROOT / "models" / "mini" / "simmim.safetensors", weights.with_suffix(".safetensors"))
    weights = weights.with_suffix(".safetensors")
    outside = []

    def looked_at(figure, path, **_):
        figure.canvas.draw()
        named = (text for text in figure.findobj(Text) if len(text.get_text()) > 5)  # numbers may stand on hidden ticks
        boxes = [text.get_window_extent() for text in named]
        outside.extend(box for box in boxes if box.width > 0 and (box.x0 < -1 or box.x1 > figure.bbox.x1 + 1))
        path.write_bytes(b"")

    monkeypatch.setattr(Figure, "savefig", looked_at)
    typed = ["--models", "mini-moco", str(weights), "--num-heads", "3", "--images", "2", "--out", str(tmp_path / "out")]
    assert main(["run", name, *typed]) == 0
    assert not outside
    assert weights.name in set(read_table(tmp_path / "out" / f"{name}.csv", columns=())["model"])
    assert len(weights.name) > LONGEST


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["run", "overview", "--out", "kept"], "stopped; the same command goes on"),
        (["run", "overview"], "stopped"),
        (["claims"], "stopped"),
        (["report", "runs", "--out", "page.html"], "stopped"),
    ],
)
def test_after_an_interruption_it_is_told_what_goes_on(typed, said, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_run", interrupted)
    monkeypatch.setattr(program, "_report", interrupted)
    monkeypatch.setattr(program, "_claims", interrupted)
    assert main(typed) == 130
    assert capsys.readouterr().err == f"\n{said}\n"


def test_what_was_stopped_without_a_folder_goes_on_in_the_one_that_is_told(tmp_path, monkeypatch, capsys):
    from experiments.measuring import leader

    measured, typed = leader.measured_together, ["run", "attention-nmi", "--models", "mini-moco", "mini-random"]
    typed += ["--images", "3"]

    def stopped(task, *arguments):
        if task.model == "mini-random":
            raise KeyboardInterrupt
        return measured(task, *arguments)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(leader, "measured_together", stopped)
    assert main(typed) == 130
    (folder,) = (tmp_path / "results").iterdir()
    told = capsys.readouterr().err.splitlines()[-1]
    where = folder.relative_to(tmp_path)
    assert told == (f"stopped; parts of attention-nmi are in {where}: the same command with --out {where} goes on")
    monkeypatch.setattr(leader, "measured_together", measured)
    assert main([*typed, "--out", str(where)]) == 0
    assert "1 of 2 parts are there from a run that did not end; it goes on" in capsys.readouterr().err
    assert set(read_table(folder / "attention-nmi.csv")["model"]) == {"mini-moco", "mini-random"}


def test_files_of_one_name_and_models_of_one_family_look_different(tmp_path, monkeypatch):
    names = [f"{method}/checkpoint.safetensors" for method in ("simmim", "mae", "other")]
    for name in names:
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / "models" / "mini" / "simmim.safetensors", tmp_path / name)
    looks = {}

    def looked_at(figure, path, **_):
        lines = [line for ax in figure.get_axes() for line in ax.lines if len(line.get_xdata()) == 8]
        looks.update({line.get_label(): (line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines})
        path.write_bytes(b"")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Figure, "savefig", looked_at)
    typed = ["--models", *names, "mini-mae", "--num-heads", "3", "--images", "2", "--out", "out"]
    assert main(["run", "attention-distance", *typed]) == 0
    assert list(looks) == [*names, "mini-mae"] and len(set(looks.values())) == 4
    assert looks["simmim/checkpoint.safetensors"][0] == style("simmim")["color"]
    assert looks["mae/checkpoint.safetensors"][0] == style("mae")["color"]
