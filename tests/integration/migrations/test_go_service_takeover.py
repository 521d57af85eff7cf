"""A database that the Go service wrote is taken over: nothing lost, nothing sent twice, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from delivery.deployment.migrate import upgrade
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.mysql.database import to_stored
from local.feishu import FeishuSimulator
from tests.integration.clock import Clock
from tests.integration.credentials.test_channels import Keys
from tests.integration.migrations import go_service
from tests.integration.migrations.schema import schema
from tests.integration.notifications import rows
from tests.integration.prune.pruning import prune
from tests.integration.sending import PointerList, claim_all, send

URL = "https://www.feishu.cn/flow/api/trigger-webhook/abcd1234efgh5678"
OPEN = [name for name, state in go_service.STATES.items() if state["status"] in ("pending", "sending", "failed")]


def written_by_go(engine: Engine, clock: Clock, *, kind: int = 0, url: str = URL) -> None:
    """Tables as either version of MySQL and GORM would make them, and a row in every state."""
    collation, text_type, json_type = [
        ("utf8mb4_0900_ai_ci", "text", "json"),
        ("utf8mb4_general_ci", "longtext", "longtext"),
    ][kind]
    go_service.make_tables(engine, collation=collation, text_type=text_type, json_type=json_type)
    go_service.fill(engine, updated_at=clock(), webhook_url=url)


def by_name(engine: Engine) -> dict[str, Any]:
    return {record.dedupe_key: record for record in rows(engine)}


@contextmanager
def dying_at(statement_number: int) -> Iterator[None]:
    """Within the block, the n-th statement that changes anything is not run: the process dies before it."""
    numbers = count(1)

    def die(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        changes = statement.lstrip().upper().startswith(("ALTER", "CREATE TABLE", "UPDATE", "INSERT"))
        if changes and next(numbers) == statement_number:
            raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", die)


def dies_at(statement_number: int, database_url: str) -> bool:
    try:
        with dying_at(statement_number):
            upgrade(database_url)
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.parametrize("kind", [0, 1])
def test_the_schema_becomes_ours(
    go_database: Engine, fresh_schema: dict[str, set[str]], database_url: str, clock: Clock, kind: int
) -> None:
    """Types, collations, defaults, indexes: as if the migrations had made it, but for the order of columns."""
    written_by_go(go_database, clock, kind=kind)
    upgrade(database_url)
    assert schema(go_database) == fresh_schema


@pytest.mark.parametrize("kind", [0, 1])
def test_every_row_keeps_its_values(go_database: Engine, database_url: str, clock: Clock, kind: int) -> None:
    """All but the two columns that say when it is looked at, and how often it may be tried."""
    written_by_go(go_database, clock, kind=kind)
    repaired = ("next_retry_at", "max_attempts", "created_at", "updated_at", "provider_request_json")
    before = by_name(go_database)
    upgrade(database_url)
    after = by_name(go_database)
    assert after.keys() == before.keys()
    for name, record in after.items():
        kept = {column: value for column, value in before[name]._mapping.items() if column not in repaired}
        assert kept == {column: record._mapping[column] for column in kept}
        assert record.provider_request_json == '{"a": 1}'
        assert record.updated_at in (before[name].updated_at, before[name].updated_at or record.updated_at)


def test_open_rows_become_due_when_nothing_can_be_in_flight(
    go_database: Engine, database_url: str, clock: Clock
) -> None:
    """updated_at is all that the Go service told: ten minutes after it a sending is over, five a hand-off."""
    written_by_go(go_database, clock)
    upgrade(database_url)
    touched = clock().replace(tzinfo=None)
    due = {name: _minutes(record.next_retry_at, touched) for name, record in by_name(go_database).items()}
    without_times = due.pop("pending, without times")
    assert without_times is not None
    assert due == {
        "pending": 5,
        "pending, with a time": 5,
        "sending": 10,
        "sending, with its old retry time": 10,
        "failed": 5,
        "failed, to be retried": 7,
        "failed, due": -3,
        "pending, no attempts allowed": 5,
        "failed, fewer than none allowed": 2,
        "sent": None,
        "sent, with a time": None,
        "dead": None,
        "skipped": None,
    }
    assert {record.max_attempts for record in by_name(go_database).values()} == {5}


def _minutes(moment: datetime | None, since: datetime) -> float | None:
    return None if moment is None else (moment - since) / timedelta(minutes=1)


def test_what_was_open_is_sent_exactly_once(
    go_database: Engine, database_url: str, clock: Clock, queue: PointerList
) -> None:
    """Through claim, plain-text channels and Feishu to the end; what was final is left alone."""
    with FeishuSimulator() as feishu:
        written_by_go(go_database, clock, url=feishu.webhook_url("key"))
        upgrade(database_url)
        clock.time = datetime.now(clock.time.tzinfo) + timedelta(hours=1)  # later than what the migration had to guess
        pointers = claim_all(go_database, clock, queue)
        channels = Channels(engine=go_database, keys=Keys())
        send(pointers, clock=clock, attempts=Attempts(engine=go_database), channels=channels, origin=feishu.url)
        users = sorted(call.user_id or 0 for call in feishu.calls())
    names = list(go_service.STATES)
    assert [names[user_id - 1] for user_id in users] == OPEN
    after = by_name(go_database)
    assert {name: after[name].status for name in OPEN} == dict.fromkeys(OPEN, "sent")
    assert claim_all(go_database, clock, queue) == []


def test_a_takeover_that_dies_anywhere_is_finished_by_the_next(
    go_database: Engine, fresh_schema: dict[str, set[str]], database_url: str, clock: Clock
) -> None:
    """Each death a step later, until there is none left to die at; what was done once is not undone."""
    written_by_go(go_database, clock, kind=1)
    deaths = 0
    while dies_at(deaths + 1, database_url):
        deaths += 1
    assert deaths > 12
    assert schema(go_database) == fresh_schema
    touched = clock().replace(tzinfo=None)
    after = by_name(go_database)
    assert len(after) == len(go_service.STATES)
    assert _minutes(after["sending"].next_retry_at, touched) == 10
    assert _minutes(after["failed, to be retried"].next_retry_at, touched) == 7


def test_old_rows_are_pruned_whatever_time_the_go_service_left_in_them(
    go_database: Engine, database_url: str, clock: Clock
) -> None:
    """A final record and a consumed outbox row that still had a time to come due; what is open stays."""
    written_by_go(go_database, clock)
    columns = "event_type, service_name, topic, message_key, payload, status, next_retry_at, created_at, updated_at"
    long_ago = to_stored(clock() - timedelta(days=200))
    with go_database.begin() as connection:
        for status in ("pending", "consumed", "dead"):
            connection.exec_driver_sql(
                f"INSERT INTO notification_outbox_messages ({columns}) VALUES "
                "('', '', '', '', '{}', %(status)s, %(at)s, %(at)s, %(at)s)",
                {"status": status, "at": long_ago},
            )
        connection.exec_driver_sql("UPDATE notification_records SET updated_at = %(at)s", {"at": long_ago})
        connection.exec_driver_sql("UPDATE notification_records SET created_at = %(at)s", {"at": long_ago})
    final = len(go_service.STATES) - len(OPEN)
    upgrade(database_url)
    report = prune(go_database, clock)
    assert (report.deleted["records"], report.deleted["outbox"], report.deleted["outbox_dead"]) == (final, 1, 1)
    assert sorted(by_name(go_database)) == sorted(OPEN)


def test_taking_over_twice_changes_nothing(go_database: Engine, database_url: str, clock: Clock) -> None:
    """Also when the version table was lost."""
    written_by_go(go_database, clock)
    upgrade(database_url)
    before, made = rows(go_database), schema(go_database)
    upgrade(database_url)
    with go_database.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    upgrade(database_url)
    assert (rows(go_database), schema(go_database)) == (before, made)
