"""`--train`: the commands, what they need, and that only what is missing is trained."""

import pytest

from experiments.__main__ import main
from experiments.applicable import NotApplicable
from experiments.settings import Settings
from experiments.stored import trainings
from experiments.stored.results import stored
from experiments.stored.trainings import pasted
from study.record import read_manifest, read_table
from tests.experiments.stored._results import layers
from tests.models._tiny import saved, vit
from tests.probing._images import folders


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return folders(tmp_path_factory.mktemp("pictures"), train=6, test=4)


@pytest.fixture
def typed(monkeypatch):
    """What the trainings were asked to do; they do nothing."""
    seen = []

    def record(words):
        seen.append(words)
        return 0

    monkeypatch.setattr("probing.__main__.main", record)
    return seen


def test_commands_to_paste():
    lines, out = pasted(Settings(data="mine/val"), "frequency-noise", ["a", "b c"])
    assert lines == [
        "python -m probing layers --model a 'b c' --data mine --out runs/layers",
        "python -m probing frequency-noise --probes runs/layers --data mine/test --out runs/frequency-noise",
    ]
    assert out == ["runs/frequency-noise"]
    lines, out = pasted(Settings(), "finetune", ["a", "b"])
    assert lines[1] == "python -m probing finetune --model b --data PATH --out runs/finetune-b"
    assert out == ["runs/finetune-a", "runs/finetune-b"]


@pytest.mark.parametrize(
    "what", ["layers", "aggregate", "dense", "finetune", "shifted", "frequency-noise", "shape-bias"]
)
def test_pasted_commands_are_understood(what):
    from probing.__main__ import _parser

    for line in pasted(Settings(), what, ["mini-moco"])[0]:
        words = line.split()[3:]
        assert _parser(words).parse_args(words).out.parts[0] == "runs"


def test_options_of_the_run_go_on(typed, pictures, tmp_path):
    asked = Settings(models=("mini-moco",), data=str(pictures / "test"), images=6, device="cpu", dtype="bfloat16")
    trainings.train(Settings(**{**vars(asked), "out": tmp_path, "overwrite": True}), "layers", ["mini-moco"])
    (words,) = typed
    assert words[:5] == ["layers", "--model", "mini-moco", "--data", str(pictures)]
    assert words[-2:] == ["--out", str(tmp_path / "training" / "layers")]
    for pair in ("--limit 6", "--device cpu", "--dtype bfloat16", "--batch-size 32"):
        assert pair in " ".join(words)
    assert "--overwrite" in words


def test_runs_of_one_file_name_have_folders_of_their_own(tmp_path):
    files = [tmp_path / run / "checkpoint.pth" for run in ("one", "two", "deep/two")]
    for file in files:
        file.parent.mkdir(parents=True)
        saved(vit().state_dict(), file)
    lines, out = pasted(Settings(), "finetune", ["mini-moco", *map(str, files)])
    where = tmp_path.name
    names = ["mini-moco", "one_checkpoint.pth", f"{where}_two_checkpoint.pth", "deep_two_checkpoint.pth"]
    assert out == [f"runs/finetune-{name}" for name in names]
    assert str(files[2]) in lines[3] and lines[3].endswith(out[3])


def test_the_number_of_heads_goes_to_the_files_that_need_it(typed, pictures, tmp_path):
    own = saved(vit().state_dict(), tmp_path / "own.pth")
    tiny = saved(vit(embed_dim=192, depth=12, mlp_ratio=0.1).state_dict(), tmp_path / "tiny.pth")
    asked = Settings(data=str(pictures), out=tmp_path, num_heads=2)
    trainings.train(asked, "finetune", ["mini-moco", str(own), str(tiny)])
    assert ["--num-heads" in words for words in typed] == [False, True, False]


def test_images_without_labels_cannot_be_trained_on(typed, tmp_path, pictures):
    with pytest.raises(NotApplicable, match="--train with --data sample: these photographs have no classes"):
        stored(Settings(train=True), "layers")
    with pytest.raises(NotApplicable, match=r"--train with --data .*red: .*no test images"):
        stored(Settings(train=True, data=str(pictures / "train" / "red")), "layers")
    with pytest.raises(
        NotApplicable, match=r"--train with --data .*; a dense probe needs images with masks, such as shapes"
    ):
        stored(Settings(train=True, data=str(pictures)), "dense")
    assert typed == []


def test_a_training_that_ends_with_an_error(monkeypatch, pictures, tmp_path):
    monkeypatch.setattr("probing.__main__.main", lambda words: 1)
    with pytest.raises(
        ValueError, match=r"`python -m probing layers .*` ended with status 1; its message stands above"
    ):
        stored(Settings(train=True, data=str(pictures), out=tmp_path), "layers")


def test_only_what_is_missing_is_trained(typed, pictures, tmp_path):
    folder = layers(tmp_path / "layers", {"mini-moco": [0.2, 0.4]})
    asked = Settings(models=("mini-moco", "mini-mae"), probing=(folder,), train=True, data=str(pictures), out=tmp_path)
    with pytest.raises(OSError, match=r"probing.json"):  # nothing was trained
        stored(asked, "layers")
    assert [words[2] for words in typed] == ["mini-mae"]


def test_trained_read_and_drawn(pictures, tmp_path, capsys, monkeypatch):
    from probing.__main__ import main as probing

    monkeypatch.setattr("probing.__main__.main", lambda words: probing([*words, "--layers", "8"]))  # to save time
    asked = ["--models", "mini-random", "--data", str(pictures), "--out", str(tmp_path), "--images", "12"]
    assert main(["run", "shape-texture", "--train", *asked]) == 0
    out = capsys.readouterr().out
    assert "python -m probing shifted --probes" in out and (tmp_path / "shape-texture.png").is_file()
    table = read_table(tmp_path / "shape-texture.csv", columns=())
    assert set(table["metric"]) == {"accuracy", "accuracy_shifted", "relative_accuracy"} and len(table) == 6
    facts = read_manifest(tmp_path / "manifest.json")["facts"]
    assert facts["classes"] == 3 and facts["sources"][0]["folder"].endswith("training/shifted")
