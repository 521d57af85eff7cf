"""Lists what operators did."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, RowMapping

from delivery.domain.operating import Page, Place
from delivery.storage.mysql.columns import listed
from delivery.storage.mysql.database import from_stored
from delivery.storage.operating.audit import COLUMNS

NEWEST = f"""
SELECT id, {listed(COLUMNS)} FROM notification_audit WHERE id < %(before)s
ORDER BY id DESC LIMIT %(limit)s"""  # noqa: S608 - constant
_BEFORE_ANY = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    engine: Engine

    def page(self, *, after: Place | None = None, size: int = 50) -> Page:
        """The audit's lines, newest first."""
        wanted = {"before": after.id if after else _BEFORE_ANY, "limit": size + 1}
        with self.engine.connect() as connection:
            found = [_line(row) for row in connection.exec_driver_sql(NEWEST, wanted).mappings()]
        last = found[size - 1] if len(found) > size else None
        return Page(rows=found[:size], next=Place(last["at"], last["id"]) if last else None)


def _line(row: RowMapping) -> dict[str, Any]:
    return {**row, "at": from_stored(row["at"]), "filter": json.loads(row["filter"])}
