"""What prune reads: what goes, and of all that stays no more than a set."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from delivery.storage.mysql.database import to_stored
from delivery.storage.pruning import outbox, records, rejects
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.prune.pruning import RECORD_DAYS, add_final, add_outbox, prune

OLD = timedelta(days=RECORD_DAYS, hours=1)

_FILL = text("""
INSERT INTO notification_records (channel, user_id, trigger_id, preview_id, trigger_type, target_type, target_id,
    dedupe_key, target_url, status, last_error_code, next_retry_at, created_at, updated_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ 'feishu', n, '', '', '', '', 0,
    CONCAT(:key, n), '/assistant/', :status, :code, :due, :at, :at FROM numbers""")
_FILL_OUTBOX = text("""
INSERT INTO notification_outbox_messages (event_type, service_name, topic, message_key, payload, status,
    next_retry_at, created_at, updated_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ '', '', '', n, '{}', :status, :due, :at, :at
FROM numbers""")


def add_kept(engine: Engine, clock: Clock, number: int) -> None:
    """Before and behind what goes: records that are open or held, and young ones; outbox rows likewise."""
    old, now = to_stored(clock() - 2 * OLD), to_stored(clock())
    kept: list[tuple[str, str | None, Any, Any]] = [
        ("pending", None, old, old),
        ("failed", "provider_5xx", old, old),
        ("dead", "held_after_restore", None, old),
        ("sent", None, None, now),
    ]
    with engine.begin() as connection:
        for place, (status, code, due, at) in enumerate(kept):
            columns = {"rows": number, "status": status, "code": code, "due": due, "at": at, "key": f"{place}-"}
            connection.execute(_FILL, columns)
        for status, due, at in (("pending", old, old), ("published", old, old), ("consumed", None, now)):
            connection.execute(_FILL_OUTBOX, {"rows": number, "status": status, "due": due, "at": at})
        # MySQL counts by itself after a while; until then it takes the table for a small one.
        connection.exec_driver_sql("ANALYZE TABLE notification_records, notification_outbox_messages")


@pytest.mark.parametrize("kept", [200, 10_000])
def test_a_run_reads_what_goes_and_no_more_than_a_set_of_what_stays(
    fresh_engine: Engine, clock: Clock, kept: int
) -> None:
    """However many there are, and wherever they lie."""
    ended = clock() - OLD
    add_final(fresh_engine, 100, ended=ended, tries=2)
    for number in range(1, 51):
        add_outbox(fresh_engine, number, "consumed", ended=ended)
    add_kept(fresh_engine, clock, kept)
    with counted(fresh_engine) as costs:
        report = prune(fresh_engine, clock, set_size=50)
    assert (report.deleted["records"], report.deleted["outbox"]) == (100, 50)
    assert costs["Handler_delete"] == 100 + 2 * 100 + 50
    assert costs["rows_read"] < 2_500


def explained(engine: Engine, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION explain_json_format_version = 1")
        shown = json.loads(connection.exec_driver_sql(f"EXPLAIN FORMAT=JSON {statement}", values).scalar_one())
    return [*_tables(shown["query_block"])]


def _tables(block: Any) -> Any:
    if isinstance(block, dict):
        if "table" in block:
            yield {"sorted": block.get("using_filesort"), **block["table"]}
        for part in (value for name, value in block.items() if name != "table"):
            yield from _tables(part)
    elif isinstance(block, list):
        for part in block:
            yield from _tables(part)


IDS = {"ids": list(range(1, 41)), "before": "2026-01-01", "final": ["sent"], "held": "h", "status": "consumed"}


@pytest.mark.parametrize(
    "statement",
    [
        records._FREE,
        records._DELETE,
        records._DELETE_ATTEMPTS,
        rejects._FREE,
        rejects._DELETE,
        outbox._FREE,
        outbox._DELETE,
    ],
)
def test_rows_are_locked_and_deleted_by_primary_key_alone(engine: Engine, clock: Clock, statement: str) -> None:
    """On a small table MySQL would rather read all of it, and wait for whatever is locked there."""
    add_final(engine, 5, ended=clock() - OLD, tries=1)
    [table] = explained(engine, statement, IDS)
    assert (table["key"], table["access_type"]) == ("PRIMARY", "range")


def test_outbox_rows_are_one_range_of_an_index_in_order(fresh_engine: Engine, clock: Clock) -> None:
    """So nothing is sorted, and what is pending is not read."""
    add_kept(fresh_engine, clock, 500)
    values = {"status": "consumed", "after": 7, "limit": 1_000}
    [table] = explained(fresh_engine, outbox._WINDOW, values)
    assert (table["key"], table["access_type"]) == ("ix_notification_outbox_due", "range")
    assert table["used_key_parts"] == ["status", "next_retry_at", "id"]
    assert not table["sorted"]
