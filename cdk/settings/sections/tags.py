"""Tags of one's own: what AWS's services all take ("Tag naming limits and requirements" in Tagging AWS Resources)."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

OURS = ("service", "stage")
_MOST = 50 - len(OURS)
_CHARACTERS = r"[A-Za-z0-9 _.:/=+@-]"
_KEY, _VALUE = re.compile(rf"{_CHARACTERS}{{1,128}}"), re.compile(rf"{_CHARACTERS}{{0,256}}")
_TITLE = f"an object of up to {_MOST} tags, texts of letters, digits, spaces and _.:/=+-@, none aws:… or ours"


def _taggable(given: object) -> object:
    """Complains once about all tags, because a tag is not a setting that a complaint could name."""
    tags = given if isinstance(given, Mapping) else {"": None}
    if len(tags) > _MOST or not all(_is_key(key) and _is_value(value) for key, value in tags.items()):
        raise ValueError("not every service takes these")
    return given


def _is_key(key: object) -> bool:
    return isinstance(key, str) and bool(_KEY.fullmatch(key)) and not key.lower().startswith("aws:") and key not in OURS


def _is_value(value: object) -> bool:
    return isinstance(value, str) and bool(_VALUE.fullmatch(value))


Tags = Annotated[Mapping[str, str], BeforeValidator(_taggable), Field(title=_TITLE)]
