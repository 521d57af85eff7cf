"""Writes the table in docs/settings.md from the models: `python -m cdk.settings.page`.

The text around the table is written by hand.
"""

import json

from pydantic.fields import FieldInfo

from cdk.settings.complaints import every_field, kinds, path, should_be
from cdk.settings.context import ROOT
from cdk.settings.stage import StageSettings

PAGE = ROOT / "docs" / "settings.md"
_HEAD = "| key | default | should be | what it means |\n|---|---|---|---|\n"


def written(page: str) -> str:
    """The page with a table of the current settings."""
    before, _, rest = page.partition(_HEAD)
    _, _, after = rest.partition("\n\n")
    rows = "".join(f"{_row(*it)}\n" for it in settings().items())
    return f"{before}{_HEAD}{rows}\n{after}"


def settings() -> dict[str, FieldInfo]:
    """Each key's path with its field. If several kinds have a key, the first one counts."""
    every = {path(place): field for place, field in reversed([*every_field(StageSettings)])}
    leaves = {key: field for key, field in every.items() if not [*kinds(field.annotation)]}
    return {key: leaves[key] for key in reversed(leaves) if key != "name"}  # a stage's name is its key in cdk.json


def _row(key: str, field: FieldInfo) -> str:
    default = json.dumps(field.get_default(), ensure_ascii=False) if not field.is_required() else "null"
    cells = (f"`{key}`", "–" if default == "null" else f"`{default}`", should_be(field), field.description or "")
    return f"| {' | '.join(cells)} |".replace("  ", " ")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
