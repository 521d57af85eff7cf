"""The statements of docs/runbook.md, on MySQL: what an operator pastes at night works, and does what the page says."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine

from cdk.settings.context import ROOT
from delivery.domain.record import Pointer
from delivery.storage.database import from_stored
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, rows
from tests.integration.sending import PointerList, claim_all

_BLOCK = re.compile(r"^```sql\n(.+?);\n```$", re.MULTILINE | re.DOTALL)
STATEMENTS = _BLOCK.findall((ROOT / "docs" / "runbook.md").read_text())
LOOKS = [statement for statement in STATEMENTS if statement.startswith("SELECT")]


@pytest.mark.parametrize("statement", LOOKS)
def test_what_an_operator_looks_with_runs(statement: str, engine: Engine) -> None:
    """Its tables and columns are the real ones."""
    with engine.connect() as connection:
        assert connection.exec_driver_sql(statement).all() == []


def test_dead_records_get_attempts_again(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Claim takes them up at its next tick, with the attempts of before still counted; what was sent stays sent."""
    for status in ("dead", "sent", "dead"):
        add_row(engine, now=clock(), status=status, attempt_count=5, next_retry_at=None)
    (redrive,) = [statement for statement in STATEMENTS if statement not in LOOKS]
    with engine.begin() as connection:
        connection.exec_driver_sql(redrive)
    first, *others = rows(engine)
    assert [row.status for row in (first, *others)] == ["failed", "sent", "failed"]
    clock.time = from_stored(first.next_retry_at)
    assert claim_all(engine, clock, queue) == [Pointer(1, 5), Pointer(3, 5)]
