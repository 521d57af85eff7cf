"""What is printed for people: lines that stay whole."""

import pytest
from rich.text import Text

from hongyan.shown.output import Output

LINE = "rejected as payload_invalid: user_id: should be greater than 0; see: hongyan reject 6"


def test_a_line_of_text_is_broken_by_the_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break of ours would tear apart what somebody copies or searches for."""
    monkeypatch.setenv("COLUMNS", "40")
    Output(as_json=False).show(Text(LINE))
    assert capsys.readouterr().out == f"{LINE}\n"
