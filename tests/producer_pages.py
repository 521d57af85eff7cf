"""The examples for producers, which stand in the package's README and in docs/producers.md."""

import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "producers.md"
README = ROOT / "producer" / "README.md"


def blocks(page: Path, language: str) -> Sequence[str]:
    return re.findall(rf"^```{language}\n(.+?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def block(holding: str, *, language: str = "python") -> str:
    """The page's code that holds these words."""
    return next(code for code in blocks(PAGE, language) if holding in code)
