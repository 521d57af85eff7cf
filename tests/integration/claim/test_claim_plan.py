"""Claim's statement: one range of one index, whatever lies in the table beside what is due."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, TextClause, text

from delivery.storage.claims import DUE, DUE_BUT_SENDING, DUE_INDEX, DueRecords
from delivery.storage.mysql.database import to_stored
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import add_rows, count
from tests.integration.sending import LEASE

FINAL_ROWS = 20_000

_FILL = text("""
INSERT INTO notification_records (channel, user_id, trigger_id, preview_id, trigger_type, target_type, target_id,
    dedupe_key, target_url, status, attempt_count, created_at, updated_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ 'feishu', n, '', '', '', '', 0,
    CONCAT('final-', n), '/assistant/', 'sent', 1, :now, :now FROM numbers""")


@pytest.fixture
def mostly_final(fresh_engine: Engine, clock: Clock) -> Engine:
    """A table of final rows, with 300 due among them and 300 not yet due."""
    with fresh_engine.begin() as connection:
        connection.execute(_FILL, {"rows": FINAL_ROWS, "now": to_stored(clock())})
    add_rows(fresh_engine, 300, now=clock(), next_retry_at=clock())
    add_rows(fresh_engine, 300, now=clock(), next_retry_at=clock() + timedelta(hours=1))
    return fresh_engine


def plan(engine: Engine, clock: Clock, statement: TextClause = DUE) -> dict[str, Any]:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION explain_json_format_version = 1")
        explain = text(f"EXPLAIN FORMAT=JSON {statement.text}")
        shown = connection.execute(explain, {"now": to_stored(clock()), "limit": 500}).scalar_one()
    block: dict[str, Any] = json.loads(shown)["query_block"]
    return block


@pytest.mark.parametrize("statement", [DUE, DUE_BUT_SENDING], ids=["all", "without sending"])
def test_claim_scans_a_range_of_its_index(engine: Engine, clock: Clock, statement: TextClause) -> None:
    """In order, so that nothing is sorted."""
    add_rows(engine, 1_000, now=clock(), status="sent", next_retry_at=None)
    add_rows(engine, 100, now=clock(), next_retry_at=clock())
    ordering = plan(engine, clock, statement)["ordering_operation"]
    table = ordering["table"]
    assert (table["key"], table["access_type"], table["used_key_parts"]) == (DUE_INDEX, "range", ["next_retry_at"])
    assert ordering["using_filesort"] is False


def test_the_index_is_used_on_a_small_table_too(engine: Engine, clock: Clock) -> None:
    """Left to itself MySQL would scan a table that is mostly due, and lock its final rows."""
    add_rows(engine, 20, now=clock(), next_retry_at=clock())
    assert plan(engine, clock)["ordering_operation"]["table"]["key"] == DUE_INDEX


def test_claim_reads_what_is_due_and_no_final_row(mostly_final: Engine, clock: Clock) -> None:
    """Of 100,000 final rows none is read: neither by a tick that finds 300 due, nor by one that finds nothing."""
    due = DueRecords(engine=mostly_final)
    with counted(mostly_final) as idle:
        assert due.oldest_due_at(now=clock() - timedelta(seconds=1)) is None
        assert due.lease_due(limit=500, now=clock() - timedelta(seconds=1), lease=LEASE).taken == 0
    with counted(mostly_final) as busy:
        assert len(due.lease_due(limit=500, now=clock(), lease=LEASE).pointers) == 300
    assert idle["rows_read"] <= 4
    assert busy["rows_read"] < 3 * 300 + 10  # found through the index, fetched, updated by primary key
    assert (busy["statements"], busy["commits"]) == (2, 1)
    assert count(mostly_final) == FINAL_ROWS + 600


def test_a_claim_looks_at_no_row_that_is_not_due(fresh_engine: Engine, clock: Clock) -> None:
    """A scan of a small table would lock each of them for a moment, and its sender would find it locked."""
    add_rows(fresh_engine, 20, now=clock(), next_retry_at=clock() + timedelta(hours=1))
    add_rows(fresh_engine, 40, now=clock(), next_retry_at=clock())
    add_rows(fresh_engine, 40, now=clock(), next_retry_at=clock(), status="sending", attempt_count=5)
    with counted(fresh_engine) as counts:
        claimed = DueRecords(engine=fresh_engine).lease_due(limit=500, now=clock(), lease=LEASE)
    assert (len(claimed.pointers), claimed.buried) == (40, 40)
    assert counts["Handler_read_first"] == 0
