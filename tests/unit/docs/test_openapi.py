"""docs/openapi.json is what the API says of itself, and says what is so."""

import json
from typing import Any

from docs.openapi import FILE, written

STORED: Any = json.loads(FILE.read_text())


def test_the_file_is_as_the_code_says() -> None:
    """`make docs` writes it anew."""
    assert FILE.read_text() == written(), "stale: run `make docs`"


def test_every_operation_has_its_door_and_its_own_name() -> None:
    """Users and operators come with a token, backends by IAM."""
    operations = [it for path in STORED["paths"].values() for it in path.values()]
    doors = {"channels": "token", "backends": "iam", "operators": "token"}
    assert all(it["security"] == [{doors[it["tags"][0]]: []}] for it in operations)
    assert len({it["operationId"] for it in operations}) == len(operations)


def test_only_answers_that_there_are_are_described() -> None:
    """Powertools' own 422 is none of them; 403 and 503 are for operators."""
    for path in STORED["paths"].values():
        for it in path.values():
            own = {"403", "503"} if it["tags"] == ["operators"] else set()
            assert set(it["responses"]) == {"200", "400", "401", "404", "429", "500"} | own


def test_each_reference_leads_somewhere() -> None:
    """Within the file."""
    names = {part.partition('"')[0] for part in FILE.read_text().split("#/components/schemas/")[1:]}
    assert names <= set(STORED["components"]["schemas"])
