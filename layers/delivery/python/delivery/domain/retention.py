"""A row that has ended, as far as prune looks at it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class EndedRow(NamedTuple):
    """A final record, a reject or an outbox row with which nothing more will happen."""

    id: int
    made_at: datetime
    #: What its days are counted from: when it became final, was replayed, was consumed.
    ended_at: datetime
