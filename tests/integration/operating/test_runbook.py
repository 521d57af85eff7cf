"""The statements that docs/runbook.md and docs/operations.md give to paste, on MySQL: they do what the pages say."""

import re

import pytest
from sqlalchemy import Engine

from cdk.settings.context import ROOT
from delivery.domain.record import Pointer
from delivery.storage.mysql.database import from_stored
from delivery.storage.tables import channels
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, rows
from tests.integration.prune.pruning import add_outbox
from tests.integration.sending import PointerList, claim_all

_BLOCK = re.compile(r"^```sql\n(.+?);\n```$", re.MULTILINE | re.DOTALL)
STATEMENTS = _BLOCK.findall((ROOT / "docs" / "runbook.md").read_text())
OPERATIONS = _BLOCK.findall((ROOT / "docs" / "operations.md").read_text())
LOOKS = [statement for statement in STATEMENTS if statement.startswith("SELECT")]
CHANGES = [statement for statement in STATEMENTS if statement not in LOOKS]


@pytest.mark.parametrize("statement", LOOKS)
def test_what_an_operator_looks_with_runs(statement: str, engine: Engine) -> None:
    """Its tables and columns are the real ones."""
    with engine.connect() as connection:
        assert connection.exec_driver_sql(statement).all() == []


def test_a_channel_that_is_written_by_hand_is_there_once(engine: Engine) -> None:
    """The second time changes it."""
    (save,) = [statement for statement in OPERATIONS if "INTO user_notification_channels" in statement]
    with engine.begin() as connection:
        connection.exec_driver_sql(save)
        connection.exec_driver_sql(save.replace("/KEY", "/OTHER"))
        (row,) = connection.execute(channels.select()).all()
    assert (row.user_id, row.channel, row.enabled, row.auth_type) == (7, "feishu_webhook", True, "none")
    assert row.webhook_url.endswith("/flow/api/trigger-webhook/OTHER")


def test_a_record_whose_outcome_is_written_nowhere_is_closed_by_hand(engine: Engine, clock: Clock) -> None:
    """As long as the attempt that the log names still owns it."""
    for attempt_count in (1, 2):
        add_row(engine, now=clock(), status="sending", attempt_count=attempt_count, next_retry_at=clock())
    (close,) = [statement for statement in CHANGES if "SET status = 'sent'" in statement]
    with engine.begin() as connection:
        for record_id in (1, 2):
            connection.exec_driver_sql(close.replace("4711", str(record_id)))
    assert [(row.status, row.next_retry_at is None) for row in rows(engine)] == [("sent", True), ("sending", False)]


def test_dead_records_get_attempts_again(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Claim takes them up at its next tick, with their earlier attempts still counted; what was sent stays sent."""
    for status in ("dead", "sent", "dead"):
        add_row(engine, now=clock(), status=status, attempt_count=5, next_retry_at=None)
    (redrive,) = [statement for statement in CHANGES if "'failed'" in statement]
    with engine.begin() as connection:
        connection.exec_driver_sql(redrive)
    first, *others = rows(engine)
    assert [row.status for row in (first, *others)] == ["failed", "sent", "failed"]
    clock.time = from_stored(first.next_retry_at)
    assert claim_all(engine, clock, queue) == [Pointer(1, 5), Pointer(3, 5)]


def test_outbox_rows_that_kafka_refused_come_again(engine: Engine, clock: Clock) -> None:
    """Those that are named; one that ingest rejected was published, and stays dead."""
    for number in (1, 2, 3):
        add_outbox(engine, number, "dead", ended=clock())
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE notification_outbox_messages SET retry_count = 20, published_at = IF(id = 2, updated_at, NULL)"
        )
    (again,) = [statement for statement in CHANGES if "notification_outbox_messages" in statement]
    with engine.begin() as connection:
        connection.exec_driver_sql(again.replace("4711, 4712", "1, 2"))
        found = connection.exec_driver_sql(
            "SELECT id, status, retry_count, next_retry_at IS NULL FROM notification_outbox_messages ORDER BY id"
        ).all()
    assert found == [(1, "pending", 0, 0), (2, "dead", 20, 1), (3, "dead", 20, 1)]
