"""`python -m models`: tables to stdout, errors to stderr with exit code 1 and no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.__main__ import main
from tests.models._server import Page, serve

ROOT = Path(__file__).parents[2]


def test_list_shows_names_and_whether_they_saw_labels(capsys: pytest.CaptureFixture) -> None:
    assert main(["list", "*simmim*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "beit_base_patch16_224.simmim",
        "beit_base_patch16_224.simmim_ft_in1k",
        "vit_mini_patch4_32.simmim",
    ]
    assert "no labels" in lines[0]
    assert "saw labels" in lines[1]


def test_list_knows_aliases_and_markdown(capsys: pytest.CaptureFixture) -> None:
    assert main(["list", "moco", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| name | alias | method |")
    assert len(lines) == 3
    assert "`vit_base_patch16_224.mocov3`" in lines[2]


def test_inspect_prints_the_passport(golden_checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    for file in golden_checkpoint.iterdir():
        if file.suffix != ".npz":
            assert main(["inspect", str(file)]) == 0
            assert str(file) in capsys.readouterr().out


def test_download_puts_files_where_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("VIT_ANATOMY_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serve() as server:
        monkeypatch.setenv("VIT_ANATOMY_MIRROR", server.address)
        server.pages["/vit-b-300ep.pth.tar"] = Page(b"weights")
        assert main(["download", "moco", "mini-moco", "--folder", str(tmp_path), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"vit_base_patch16_224.mocov3: {tmp_path / 'vit-b-300ep.pth.tar'}"
    assert lines[1].endswith("moco.safetensors")
    assert (tmp_path / "vit-b-300ep.pth.tar").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "no-such-file.pth"], "no-such-file"),
        (["download", "mocco"], "the nearest are moco"),
        (["download", "mini-random"], "random initialisation"),
        (["list", "nothing*"], "fits no name"),
    ],
)
def test_errors_go_to_stderr_with_exit_code_1(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert message in shown.err


def test_offline_download_fails_with_the_folder_in_the_message(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIT_ANATOMY_OFFLINE", "1")
    monkeypatch.delenv("VIT_ANATOMY_MIRROR", raising=False)
    assert main(["download", "simmim", "--folder", str(tmp_path)]) == 1
    shown = capsys.readouterr().err
    assert str(tmp_path / "simmim_pretrain__vit_base__img224__800ep.pth") in shown
    assert "https://drive.google.com/file/d/1dJn6GYkwMIcoP3zqOEyW1_iQfpBi8UOw/view" in shown


def test_the_module_runs_as_a_command() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "models", "inspect", "nothing.pth"], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr
