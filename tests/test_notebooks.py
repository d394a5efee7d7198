"""The two notebooks: they run top to bottom on the miniatures, and stand here executed, with their figures."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ("self_attention_analysis", "representation_analysis")
LINES = 12  # of a cell
SECONDS = 120  # for one cell
MEGABYTES = 3
FIGURES = {"self_attention_analysis": 12, "representation_analysis": 12}
MINIATURES = "mini-moco, mini-simmim, mini-random"


@pytest.fixture(params=NOTEBOOKS)
def stored(request):
    """(name, notebook) as it stands in the project."""
    return request.param, nbformat.read(ROOT / f"{request.param}.ipynb", as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(cells):
    return [output for cell in cells for output in cell.outputs]


def figures(cells):
    return [output.data["image/png"] for output in outputs(cells) if "image/png" in output.get("data", {})]


def errors(cells):
    return [output for output in outputs(cells) if output.output_type == "error"]


def executed(notebook, folder):
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}})
    return client.execute()


def first_cell(name, project):
    """The first code cell of a notebook with another address of the project."""
    cell = code(nbformat.read(ROOT / f"{name}.ipynb", as_version=4))[0]
    source, replaced = re.subn(r'^PROJECT = ".*"$', f'PROJECT = "{project}"', cell.source, flags=re.MULTILINE)
    assert replaced == 1
    return source


@pytest.fixture
def miniatures(monkeypatch):
    monkeypatch.setenv("VIT_ANATOMY_MODELS", MINIATURES)
    monkeypatch.setenv("VIT_ANATOMY_IMAGES", "sample")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other are slower than one, at 65 tokens


@pytest.mark.usefixtures("miniatures")
def test_runs_top_to_bottom(stored):
    name, notebook = stored
    cells = code(executed(notebook, str(ROOT)))
    assert not errors(cells)
    assert len(figures(cells)) == FIGURES[name]
    assert not [output for output in outputs(cells) if output.get("name") == "stderr"]


def test_runs_by_its_form_alone(stored, monkeypatch):
    notebook = stored[1]
    monkeypatch.delenv("VIT_ANATOMY_MODELS", raising=False)
    monkeypatch.delenv("VIT_ANATOMY_IMAGES", raising=False)
    form = code(notebook)[1]
    form.source = form.source.replace('MODELS = "moco, simmim"', f'MODELS = "{MINIATURES}"')
    form.source = form.source.replace('IMAGES = "imagenette"', 'IMAGES = "sample"')
    notebook.cells = [cell for cell in notebook.cells if cell in code(notebook)[:2]]
    text = "".join(output.text for output in outputs(executed(notebook, str(ROOT)).cells))
    assert "mini-simmim: SimMIM," in text
    assert "17 images of sample" in text
    assert "is set" not in text


def test_cells_are_short_and_define_nothing(stored):
    for cell in code(stored[1]):
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert len(cell.source.splitlines()) <= LINES, cell.source
        assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)], (
            cell.source
        )


def test_stored_executed_with_figures(stored):
    name, notebook = stored
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not errors(cells)
    assert len(figures(cells)) == FIGURES[name]
    assert (ROOT / f"{name}.ipynb").stat().st_size < MEGABYTES * 1e6


def test_outputs_name_no_place_of_this_machine_and_no_warning(stored):
    text = str([{**output, "data": {**output.get("data", {}), "image/png": ""}} for output in outputs(code(stored[1]))])
    assert not re.search(r"(?<![\w:/])/(home|root|work|tmp|opt|usr|var|Users)/", text)
    assert "Warning" not in text
    assert "://" not in text


def test_begins_with_badge_and_project(stored):
    name, notebook = stored
    badge = f"https://colab.research.google.com/github/vit-anatomy/vit-anatomy/blob/main/{name}.ipynb"
    assert badge in notebook.cells[0].source
    assert 'PROJECT = "https://github.com/vit-anatomy/vit-anatomy"' in code(notebook)[0].source
    assert "#@param" in code(notebook)[1].source


def test_links_between_the_notebooks_exist(stored):
    linked = re.findall(r"\]\((\w+\.ipynb)\)", "".join(cell.source for cell in stored[1].cells))
    assert linked
    assert all((ROOT / link).is_file() for link in linked)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_first_cell_fetches_the_project_into_an_empty_folder(name, tmp_path):
    project = tmp_path / "project"
    (project / "study").mkdir(parents=True)
    (project / "study" / "install.py").write_text("print('installed')")
    git = ["git", "-C", str(project), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *command], check=True)
    alone = tmp_path / "alone"
    alone.mkdir()
    script = first_cell(name, project.as_uri()) + "\nprint(os.path.basename(os.getcwd()))"
    for _ in range(2):  # again after a restart of the kernel
        run = subprocess.run([sys.executable, "-c", script], cwd=alone, capture_output=True, text=True, check=True)
        assert run.stdout.split() == ["installed", "vit-anatomy"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_first_cell_does_nothing_inside_a_checkout(name):
    script = first_cell(name, "file:///nowhere") + "\nprint(os.path.samefile(os.getcwd(), sys.argv[1]))"
    command = [sys.executable, "-c", script, str(ROOT)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "True"
