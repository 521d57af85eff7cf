"""A row that has ended, as far as prune looks at it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class EndedRow(NamedTuple):
    """A final record, a reject or an outbox row in a final state."""

    id: int
    made_at: datetime
    #: The start of its retention: when it became final, was replayed or was consumed.
    ended_at: datetime
