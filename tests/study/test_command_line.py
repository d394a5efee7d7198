"""A complaint is one line on stderr, below whatever stood there."""

from tqdm.auto import tqdm

from study.command_line import exit_status


def test_an_error_is_one_line(capsys):
    def command():
        raise OSError("the text\nof an error")

    assert exit_status(command) == 1
    assert capsys.readouterr().err == "error: the text of an error\n"


def test_an_error_below_a_bar_has_a_line_of_its_own(capsys):
    def command():
        bar = tqdm(total=3, desc="images")
        bar.update()
        raise ValueError("stopped here")

    assert exit_status(command) == 1
    *_, above, last = capsys.readouterr().err.splitlines()
    assert "images" in above and last == "error: stopped here"
