"""The page about the Go service names modules, classes and methods; a rename that forgets the page fails here."""

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "from-the-go-service.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(delivery(?:\.\w+)+)`", PAGE)))


def found(name: str) -> object:
    """What a dotted name stands for: the longest part of it that is a module, then attributes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            here: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            here = getattr(here, attribute)
        return here
    raise LookupError(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_exists(name: str) -> None:
    assert found(name) is not None
