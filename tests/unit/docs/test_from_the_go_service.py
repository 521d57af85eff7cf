"""The page about the Go service names code; what it names is there, with the defaults it says."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

PAGE = (Path(__file__).parents[3] / "docs" / "from-the-go-service.md").read_text(encoding="utf-8")
REFERENCES = sorted(set(re.findall(r"`(delivery(?:\.\w+)+)`", PAGE)))
DEFAULTS = re.findall(r"`(delivery\.aws\.settings(?:\.\w+)+)`[^|]*\| ([\d.]+|required) \|", PAGE)


def found(reference: str) -> object:
    """What a dotted name stands for: the longest part of it that is a module, then attributes or settings fields."""
    parts = reference.split(".")
    for length in range(len(parts), 0, -1):
        try:
            here: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            here = _part(here, name)
        return here
    raise LookupError(reference)


def _part(whole: object, name: str) -> object:
    if isinstance(whole, type) and issubclass(whole, BaseModel) and name in whole.model_fields:
        return whole.model_fields[name]
    return getattr(whole, name)


@pytest.mark.parametrize("reference", REFERENCES)
def test_what_the_page_names_exists(reference: str) -> None:
    """A rename that forgets the page fails here."""
    assert found(reference) is not None


def test_the_page_names_most_of_the_service() -> None:
    """Else the test above would claim little."""
    assert len(REFERENCES) > 30
    assert len(DEFAULTS) > 8


@pytest.mark.parametrize(("reference", "said"), DEFAULTS)
def test_a_default_is_what_the_page_says(reference: str, said: str) -> None:
    """Or the page says that there is none."""
    owner, _, name = reference.rpartition(".")
    settings = found(owner)
    assert isinstance(settings, type)
    assert issubclass(settings, BaseModel)
    field = settings.model_fields[name]
    if said == "required":
        assert field.is_required()
    else:
        assert field.default == float(said)
