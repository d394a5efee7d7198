"""The README says what is true: its snippets run, its commands and links exist, its tables are today's."""

import re
from pathlib import Path

import ops
from models.weights.registry import markdown_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_snippets_run_as_they_stand(capsys):
    snippets = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    for snippet in snippets:
        exec(snippet, names)
    assert len(snippets) == 2
    assert set(names["table"]["metric"]) == {"distance", "nmi", "similarity"}
    assert names["trace"].attention[7].shape == (1, 3, 65, 65)
    assert "similarity" in capsys.readouterr().out


def test_the_two_commands_stand_alone_on_their_lines():
    assert "\npython -m pip install -r requirements.txt && python -m experiments\n" in README
    assert "\npython -m pip install -r requirements.txt -r tests/requirements.txt && python -m pytest\n" in README


def test_files_that_it_shows_exist():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_of_models_is_todays():
    assert markdown_table() in README


def test_every_function_of_ops_stands_in_the_table():
    assert [name for name in ops.__all__ if f"`{name}`" not in README and name != "plots"] == []
