"""Writes the table in docs/settings.md from the models: `python -m cdk.settings.page`.

The text around the table is written by hand.
"""

import json
from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cdk.settings.complaints import choice_of, section_of
from cdk.settings.context import ROOT
from cdk.settings.stage import StageSettings
from delivery.aws.variables import should_be

PAGE = ROOT / "docs" / "settings.md"
_HEAD = "| key | default | should be | what it means |\n|---|---|---|---|\n"


def written(page: str) -> str:
    """The page with its table replaced by one of today's settings."""
    before, _, rest = page.partition(_HEAD)
    _, _, after = rest.partition("\n\n")
    rows = "".join(f"{_row(*it)}\n" for it in settings())
    return f"{before}{_HEAD}{rows}\n{after}"


def settings(section: type[BaseModel] = StageSettings, at: str = "") -> Iterator[tuple[str, FieldInfo, bool]]:
    """Each key's full path, its field, and whether every stage must have it."""
    yield from _below(section.model_fields, at, chosen=False)


def _below(fields: Mapping[str, FieldInfo], at: str, *, chosen: bool) -> Iterator[tuple[str, FieldInfo, bool]]:
    for key, field in fields.items():
        path = f"{at}{key}"
        if choice := choice_of(field):
            yield from _below(choice.fields, f"{path}.", chosen=True)
        elif section := section_of(field):
            yield from _below(section.model_fields, f"{path}.", chosen=chosen)
        elif path != "name":  # cdk.json names a stage by its key
            yield path, field, field.is_required() and not chosen


def _row(path: str, field: FieldInfo, required: bool) -> str:  # noqa: FBT001  # a cell of the row
    default = (
        "–" if field.is_required() or field.default is None else f"`{json.dumps(field.default, ensure_ascii=False)}`"
    )
    means = " ".join((field.description or "").split())
    return f"| `{path}` | {'required' if required else default} | {should_be(field)} | {f'{means} ' if means else ''}|"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
