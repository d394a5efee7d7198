import pytest

from experiments.report.shortening import short_command, short_path, short_paths


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("/home/jane doe/data/cifar10.zip/test", "…/cifar10.zip/test"),
        ("/home/jane", "…/jane"),
        ("/data", "…/data"),
        ("/", "/"),
        (r"C:\Users\jane\runs\a", "…/runs/a"),
        ("results/zoo", "results/zoo"),
        ("vit_base_patch16_224.mae", "vit_base_patch16_224.mae"),
    ],
)
def test_short_path(path, short):
    assert short_path(path) == short


def test_sentences_keep_everything_but_paths():
    text = "from /srv/jane/runs/log.csv, not https://host/a/b/c; 1/2 and and/or stay, so does px/s"
    assert short_paths(text) == text.replace("/srv/jane/runs/log.csv", "…/runs/log.csv")


@pytest.mark.parametrize(
    ("command", "short"),
    [
        ("python -m experiments run fourier --images 8", "python -m experiments run fourier --images 8"),
        ("x --out=/srv/jane/my/run --data 'a b'", "x --out=…/my/run --data 'a b'"),
        ("x '/srv/jane/a b/c d'", "x '…/a b/c d'"),
        ("x 'never closed /srv/jane/a/b", "x 'never closed …/a/b"),
    ],
)
def test_commands(command, short):
    assert short_command(command) == short
