"""Files of every kind are read safely or refused with a reason and a cure."""

import argparse
import os
import pathlib
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.checkpoints.checkpoint import read_checkpoint, sha256
from tests.models._tiny import expected, mocov3, saved, vit

WEIGHTS = {"model": {"a.weight": torch.arange(6.0)}}


class Malicious:
    """Writes a file when it is unpickled without care."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "before 1.6"])
def test_both_containers_of_torch_are_read(tmp_path, options):
    checkpoint = read_checkpoint(saved(WEIGHTS, tmp_path / "weights", **options))
    torch.testing.assert_close(checkpoint.payload["model"]["a.weight"], torch.arange(6.0))
    assert checkpoint.container == ("pickle" if options else "zip")


def test_safetensors_is_told_by_content_not_by_name(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "file.bin")
    assert read_checkpoint(tmp_path / "file.bin").container == "safetensors"


def test_harmless_objects_of_training_scripts_are_ignored(tmp_path):
    allowed = torch.serialization.get_safe_globals()
    run = argparse.Namespace(output_dir=pathlib.PosixPath("/x"), lr=1.0)
    payload = {**WEIGHTS, "args": run, "lr": np.float64(0.1)}
    content = read_checkpoint(saved(payload, tmp_path / "run.pth")).payload
    assert type(content["args"]).__name__ == type(content["lr"]).__name__ == "Ignored"
    assert vars(content["args"]) == {}
    assert set(torch.serialization.get_safe_globals()) == set(allowed)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "before 1.6"])
def test_code_in_a_pickle_is_named_and_not_run(tmp_path, options):
    path = saved({**WEIGHTS, "args": Malicious(tmp_path / "run")}, tmp_path / "evil.pth", **options)
    with pytest.raises(
        ValueError, match=rf"evil.pth: refused: it asks for '{os.mkdir.__module__}.mkdir'.*nothing of it was run"
    ):
        read_checkpoint(path)
    assert not (tmp_path / "run").exists()


def test_a_bare_pickle_is_not_run(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Malicious(tmp_path / "run"), protocol=2))
    with pytest.raises(ValueError, match=r"refused|damaged"):
        read_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "run").exists()


def test_a_whole_model_is_refused_by_its_class(tmp_path):
    with pytest.raises(ValueError, match=r"VisionTransformer.*save the state_dict alone"):
        read_checkpoint(saved(vit(), tmp_path / "model.pth"))


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_truncated_files_are_named(tmp_path, kind, share):
    path = tmp_path / "file.pth"
    if kind == "safetensors":
        save_file(vit().state_dict(), path)
    else:
        saved(mocov3(vit()), path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: max(12, int(len(content) * share))])
    with pytest.raises(ValueError, match=r"file.pth: (cut short or damaged|not a checkpoint).*fetch it again"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty.*fetch it again"),
        (
            b"\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title>",
            "web page.*Google Drive.*by hand",
        ),
        (b"<html><body>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab", "Git LFS pointer.*git lfs pull"),
        (b"\x1f\x8b\x08\x00rest", "gzip.*unpack"),
        (b"\x00" * 257 + b"ustar\x00", "tar archive"),
        (b"hello world, I am no model", "begins with b'hello"),
    ],
)
def test_what_is_no_checkpoint_is_told(tmp_path, content, said):
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s)file.pth: .*{said}"):
        read_checkpoint(tmp_path / "file.pth")


def test_an_ordinary_zip_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "file.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="ordinary zip archive"):
        read_checkpoint(tmp_path / "file.pth")


@pytest.mark.parametrize("payload", [torch.ones(3), [1, 2], {}, {3: torch.ones(1)}])
def test_other_objects_are_told(tmp_path, payload):
    with pytest.raises(ValueError, match=r"not a checkpoint: it holds .*expected a dict of weights"):
        read_checkpoint(saved(payload, tmp_path / "file.pth"))


def test_missing_files_and_directories_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such checkpoint file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(IsADirectoryError, match="a directory, expected a checkpoint file"):
        read_checkpoint(tmp_path)


def test_golden_files_are_read_under_any_name(golden_checkpoint, tmp_path):
    _, _, path = expected(golden_checkpoint)
    shutil.copy(path, tmp_path / "foo.bin")
    assert read_checkpoint(tmp_path / "foo.bin").payload.keys() == read_checkpoint(path).payload.keys()
    assert sha256(path) == sha256(tmp_path / "foo.bin")
