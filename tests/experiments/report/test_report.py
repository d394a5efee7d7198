"""The page as a file: all that it must hold, nothing from outside, what it refuses."""

import base64
import hashlib
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.__main__ import main
from experiments.report.gathering import Run
from experiments.report.markup import element
from experiments.report.origins import images_of
from experiments.report.page import page
from models import load_model
from study.data import open_images
from study.record import read_manifest
from tests.experiments.report._pages import Page, attention, stored

ROOT = Path(__file__).parent.parent.parent.parent
MODELS = ("mini-moco", "mini-simmim")
EVIL = "</script><img src=x onerror=alert(1)>&\"'"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two figures and the committed claims."""
    folder = tmp_path_factory.mktemp("results")
    names = ["attention-distance", "attention-nmi"]
    assert main(["run", *names, "--models", *MODELS, "--images", "2", "--out", str(folder)]) == 0
    shutil.copytree(ROOT / "resources" / "results" / "claims", folder / "claims")
    return folder


@pytest.fixture(scope="module")
def text(results):
    out = results.parent / "report.html"
    assert main(["report", str(results), "--models", *MODELS, "--images", "2", "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(text):
    return Page(text)


def changed(results, folder, **fields):
    """A copy of a run whose manifest says something else."""
    shutil.copytree(results / "attention-nmi", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **fields}))
    return folder


def test_nothing_is_fetched(text, parsed):
    for tag, attributes in parsed.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes) and "style" not in attributes
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", text)
    assert {tag for tag, _ in parsed.elements}.isdisjoint({"link", "iframe", "object", "embed", "base"})


def test_the_policy_allows_this_script_and_style_only(text, parsed):
    (policy,) = (
        meta["content"] for meta in parsed.all("meta") if "content-security" in str(meta.get("http-equiv")).lower()
    )
    assert "default-src 'none'" in policy
    for kind, tag in (("script-src", "<script>"), ("style-src", "<style>")):
        source = text.split(tag)[1].split(tag.replace("<", "</"))[0]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy


def test_everything_is_there(parsed):
    assert [attributes["id"] for attributes in parsed.all("section")] == [
        "claims", "explorer", "figures", "models", "provenance",
    ]  # fmt: skip
    assert "How far attention looks" in parsed.texts["h3"] and "Claim: in the late layers" in parsed.texts["article"]
    assert "python -m experiments run attention-distance attention-nmi" in parsed.texts["pre"]
    assert "arXiv:2305.00729" in parsed.texts["details"]
    judged = json.loads((ROOT / "resources" / "results" / "claims" / "claims.json").read_text())
    for claim in judged:
        assert claim["statement"] in parsed.texts["td"] and claim["source"] in parsed.texts["td"]
    assert "CL: mini-moco, MIM: mini-simmim; " in parsed.texts["caption"] and "; convention " in parsed.texts["caption"]
    assert (
        images_of(Run(Path(), "claims", read_manifest(ROOT / "resources/results/claims/manifest.json")))
        in (parsed.texts["caption"])
    )
    assert "no evidence for or against the published models" in parsed.texts["caption"]
    assert parsed.texts["table"].count("holds") == sum(claim["answer"] == "holds" for claim in judged)


def test_provenance_and_passports(parsed):
    said = parsed.texts["details"]
    digest = open_images("sample", limit=2).digest
    weights = hashlib.sha256((ROOT / "models" / "mini" / "moco.safetensors").read_bytes()).hexdigest()
    for words in (digest, weights, "saw labels", "MIT", "float32", "park2023", "torch", "cpu", "none given"):
        assert words in said


def test_figures_are_pictures_with_words(results, parsed):
    images = [image for image in parsed.all("img") if image["src"].startswith("data:image/png")]
    assert len(images) == 2
    with Image.open(results / "attention-distance" / "attention-distance.png") as whole:
        with Image.open(io.BytesIO(base64.b64decode(images[0]["src"].split(",")[1]))) as shown:
            assert shown.size == whole.size
            assert (
                np.abs(np.asarray(shown.convert("RGB"), float) - np.asarray(whole.convert("RGB"), float)).mean() < 1.5
            )
    assert "How far attention looks" in images[0]["alt"] and "mini-moco, mini-simmim" in images[0]["alt"]


def test_explorer_holds_the_models_attention(parsed):
    data, images = parsed.data, open_images("sample", limit=2)
    assert data["images"] == list(images.names) and [model["name"] for model in data["models"]] == list(MODELS)
    for name in MODELS:
        model = load_model(name)
        for image, depth in ((0, 1), (1, 8)):
            true = attention(model, images[image], depth)
            codes, scales = stored(data, name, image, depth - 1)
            error = np.abs(codes * scales[..., None].astype(float) - true)
            assert codes.shape == true.shape == (3, 65, 64)
            assert (error <= true.max(-1, keepdims=True) / 510 * 1.001 + 1e-7).all()


def test_no_path_of_this_machine(text, results):
    for path in (str(results), str(ROOT), str(Path.home()) + "/"):
        assert path not in text
    assert f"…/{results.parent.name}/{results.name}" in re.sub("</?span>", "", text) or f"…/{results.name}" in text


def test_size_is_bounded_and_what_is_left_out_is_said(results, capsys):
    out = results.parent / "small.html"
    small = ["report", str(results / "attention-nmi"), "--models", *MODELS, "--limit-mb", "0.5", "--out", str(out)]
    assert main(small) == 0
    assert out.stat().st_size <= 0.5e6
    said = capsys.readouterr().out
    found = Page(out.read_text())
    assert "To stay small the page shows" in said
    remarks = [line for line in said.splitlines() if line.startswith("To stay small")]
    assert remarks and all(remark in found.texts["details"] for remark in remarks)
    assert len(found.data["images"]) < 4 or len(found.data["models"][0]["depths"]) < 8


def test_too_small_a_limit(results, capsys):
    options = ["report", str(results / "attention-nmi"), "--out", str(results.parent / "none.html")]
    assert main([*options, "--limit-mb", "0.001"]) == 1
    assert "figures take" in (err := capsys.readouterr().err) and "raise --limit-mb" in err
    assert main([*options, "--limit-mb", "0.1"]) == 1
    assert "the attention explorer needs" in (err := capsys.readouterr().err) and "name fewer --models" in err
    assert not (results.parent / "none.html").exists()


def test_text_from_users_stays_text(results, tmp_path):
    run = changed(
        results, tmp_path / "evil", command=f"x {EVIL}", models={EVIL: {"note": EVIL}}, facts={"notes": [EVIL]}
    )
    out = tmp_path / "r.html"
    assert main(["report", str(run), "--models", "--title", EVIL, "--out", str(out)]) == 0
    found = Page(out.read_text())
    assert EVIL in found.texts["h1"] and EVIL in found.texts["li"] and EVIL in found.texts["title"]
    assert all(image["src"] != "x" for image in found.all("img")) and len(found.all("script")) == 2


def test_data_cannot_leave_its_element():
    found = Page(page(EVIL, element("body", element("p", EVIL)), {"name": EVIL}))
    assert found.data == {"name": EVIL} and len(found.all("script")) == 2 and not found.all("img")


def test_a_checkpoint_file_is_found_again(tmp_path):
    weights = tmp_path / "own.safetensors"
    shutil.copy(ROOT / "models" / "mini" / "moco.safetensors", weights)
    out, page_file = tmp_path / "run", tmp_path / "report.html"
    measured = ["--models", str(weights), "--num-heads", "3", "--images", "2", "--out", str(out)]
    assert main(["run", "attention-nmi", *measured]) == 0
    assert main(["report", str(out), "--images", "1", "--num-heads", "3", "--out", str(page_file)]) == 0
    assert "own.safetensors" in page_file.read_text(encoding="utf-8")


def test_without_models_there_is_no_explorer(results, tmp_path, capsys):
    out = tmp_path / "r.html"
    assert main(["report", str(results / "claims"), "--models", "--out", str(out)]) == 0
    found = Page(out.read_text())
    assert [attributes["id"] for attributes in found.all("section")] == ["claims", "models", "provenance"]
    assert found.data is None and "no attention explorer" in capsys.readouterr().out


def test_results_of_trainings_and_unknown_experiments(results, tmp_path):
    run = changed(results, tmp_path / "future", experiment="future", facts={"notes": ["read from /srv/jane/a/b.csv"]})
    manifest = json.loads((run / "manifest.json").read_text())
    for field in ("models", "images", "arithmetic"):
        del manifest[field]
    (run / "manifest.json").write_text(json.dumps(manifest))
    shutil.copy(run / "attention-nmi.png", run / "future.png")
    out = tmp_path / "r.html"
    assert main(["report", str(run), "--out", str(out)]) == 0
    found = Page(out.read_text())
    assert "stored results" in found.texts["figcaption"] and "read from …/a/b.csv" in found.texts["li"]
    assert "Results of experiments" in found.texts["h1"]


def test_a_figure_that_is_missing_is_drawn(results, tmp_path):
    run = changed(results, tmp_path / "run")
    (run / "attention-nmi.png").unlink()
    assert main(["report", str(run), "--models", "--out", str(tmp_path / "r.html")]) == 0
    assert (run / "attention-nmi.png").is_file()


MISTAKES = {
    "no folder": (["nowhere"], "there is no folder nowhere"),
    "no run": (["EMPTY"], "holds no run: neither it nor a folder in it has a manifest.json"),
    "other manifest": (["OTHER"], "other is left out: its manifest.json names no experiment"),
    "unknown model": (["RUN", "--models", "mini-mocco"], "mini-moco"),
    "missing data": (["RUN", "--data", "nowhere"], "there is no folder or zip nowhere"),
    "nowhere to write": (["RUN", "--out", "nowhere/r.html"], "there is no folder nowhere"),
    "a folder": (["RUN", "--out", "empty"], "expected the file of the page"),
    "there already": (["RUN", "--out", "old.html"], "is there already: choose another file, or --overwrite"),
    "no images": (["RUN", "--images", "0"], "--images 0: expected at least 1"),
    "no size": (["RUN", "--limit-mb", "0"], "--limit-mb 0: expected more than 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_one_line(mistake, results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"schema": 1}')
    (tmp_path / "old.html").write_text("old")
    typed, complaint = MISTAKES[mistake]
    places = {"RUN": str(results / "attention-nmi"), "EMPTY": "empty", "OTHER": "other"}
    assert main(["report", *(places.get(word, word) for word in typed)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and complaint in err
    assert (tmp_path / "old.html").read_text() == "old" and not (tmp_path / "report.html").exists()


def test_damaged_claims(results, tmp_path, capsys):
    shutil.copytree(results / "claims", tmp_path / "claims")
    judged = json.loads((tmp_path / "claims" / "claims.json").read_text())
    for content, complaint in (
        ("[", "is no JSON"),
        ("[{}]", "is no list of claims with answer"),
        (json.dumps([{**judged[0], "answer": "perhaps"}]), "has the answer perhaps; expected holds"),
    ):
        (tmp_path / "claims" / "claims.json").write_text(content)
        assert main(["report", str(tmp_path), "--out", str(tmp_path / "r.html")]) == 1
        assert complaint in capsys.readouterr().err
