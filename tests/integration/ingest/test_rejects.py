"""What can never become a notification: it costs one reject, kept whole, and delays nothing."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from delivery.domain.intake import Intake, Request
from delivery.storage.rejects import fingerprint
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import TOPIC, asking_for, batch, count, event, kafka, rows
from tests.integration.sending import PointerList, ingester, recorder_store


def rejects(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT * FROM notification_rejects ORDER BY id").all())


@pytest.fixture
def picky(fresh_engine: Engine) -> Engine:
    """A database that refuses some values for reasons of its own: a CHECK and a trigger."""
    with fresh_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE notification_records ADD CHECK (user_id <> 13)")
        connection.exec_driver_sql(
            "CREATE TRIGGER picky BEFORE INSERT ON notification_records FOR EACH ROW BEGIN "
            "IF NEW.preview_id = 'unlucky' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END"
        )
    return fresh_engine


def test_a_poison_record_among_500_good_ones_costs_one_reject(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """The good ones are recorded and published in the same transaction, as if it were not there."""
    good = batch(*(f"k{number}" for number in range(500)))
    poison = kafka(b'{"payload": ', offset=777, key=b"7", headers=(("trace", b"\x00\xff"),))
    with counted(engine) as counts:
        report = ingester(engine, clock, queue).run([*good[:250], poison, *good[250:]])
    assert (report.requested, report.published, report.rejected) == (500, 500, {"envelope_invalid": 1})
    assert counts["commits"] == 1
    [kept] = rejects(engine)
    assert (kept.topic, kept.partition, kept.offset) == (TOPIC, 0, 777)
    assert (kept.key, kept.value, kept.code) == (b"7", b'{"payload": ', "envelope_invalid")
    assert json.loads(kept.headers) == [{"name": "trace", "value": base64.b64encode(b"\x00\xff").decode()}]
    assert kept.created_at == clock().replace(tzinfo=None)
    assert kept.replayed_at is None
    assert "not JSON" in kept.reason


@pytest.mark.parametrize("refused", [{"user_id": 13}, {"preview_id": "unlucky"}])
def test_a_row_that_only_mysql_refuses_is_isolated(
    picky: Engine, clock: Clock, queue: PointerList, refused: dict[str, object]
) -> None:
    """The contract let it through, the other 500 rows of its statement do not suffer for it."""
    good = batch(*(f"k{number}" for number in range(500)))
    bad = kafka(event("bad", envelope={"outbox_id": 4}, **refused), offset=900)
    with counted(picky) as counts:
        report = ingester(picky, clock, queue).run([*good[:100], bad, *good[100:]])
    assert (report.requested, report.published, report.rejected) == (500, 500, {"storage_rejected": 1})
    assert count(picky) == 500
    assert (counts["commits"], counts["Com_insert"] < 25) == (1, True)
    [kept] = rejects(picky)
    assert (kept.offset, kept.value, kept.code) == (900, bad.value, "storage_rejected")


def test_several_refused_rows_are_each_isolated_for_its_own_reason(picky: Engine, clock: Clock) -> None:
    """Every value that a column cannot hold, though the contract should not have let it through."""
    unfit: dict[str, dict[str, object]] = {
        "long text": {"summary_text": "x" * 65_536},
        "long name": {"trigger_type": "x" * 65},
        "big number": {"target_id": 2**63},
        "check": {"user_id": 13},
        "trigger": {"preview_id": "unlucky"},
        "null": {"target_url": None},
    }
    bad = [request for key, changes in unfit.items() for request in asking_for(key, **changes).requests]
    stored = recorder_store(picky, clock, Intake(requests=[*asking_for("a", "z").requests, *bad], rejects=[]))
    assert (stored.created, {row.dedupe_key for row in rows(picky)}) == (2, {"a", "z"})
    assert {reject.code.value for reject in stored.refused} == {"storage_rejected"}
    assert len({reject.reason for reject in stored.refused}) == len(unfit)


@pytest.fixture
def raising(fresh_engine: Engine) -> Engine:
    """A database that refuses a row with the error whose number stands in its target_id."""
    with fresh_engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON notification_records FOR EACH ROW BEGIN "
            "DECLARE number INT DEFAULT NEW.target_id; "
            "IF number > 1 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = number; END IF; END"
        )
    return fresh_engine


def refused_with(*numbers: int) -> list[Request]:
    return [request for number in numbers for request in asking_for(str(number), target_id=number).requests]


def test_each_error_about_a_value_refuses_its_row_alone(raising: Engine, clock: Clock) -> None:
    """Out of range, truncated, no time, no default, no text, too long, a trigger, no JSON, a CHECK."""
    numbers = [1264, 1265, 1292, 1364, 1366, 1406, 1644, 3140, 3819]
    requests = [*asking_for("a").requests, *refused_with(*numbers)]
    stored = recorder_store(raising, clock, Intake(requests=requests, rejects=[]))
    assert stored.created == 1
    assert sorted(reject.reason[:27] for reject in stored.refused) == [
        f"MySQL refused the row: {number}" for number in numbers
    ]


@pytest.mark.parametrize(("numbers", "statements"), [((3024,), 1), ((1644, 3024), 6)], ids=["at once", "in sifting"])
def test_an_error_about_no_value_refuses_no_row(
    raising: Engine, clock: Clock, numbers: tuple[int, ...], statements: int
) -> None:
    """A statement that took too long says nothing of its rows: the batch is left as it is, and comes again."""
    requests = [*asking_for("0").requests, *refused_with(*numbers)]
    with counted(raising) as counts, pytest.raises(OperationalError, match="3024"):
        recorder_store(raising, clock, Intake(requests=requests, rejects=[]))
    assert (count(raising), count(raising, "notification_rejects")) == (0, 0)
    assert counts["Com_insert"] <= statements


@pytest.mark.usefixtures("loose_server")
def test_a_server_in_loose_mode_refuses_all_the_same(engine: Engine, clock: Clock) -> None:
    """RDS parameter groups may leave strict mode off: MySQL would cut values without a word."""
    stored = recorder_store(engine, clock, asking_for("a", trace_id="x" * 129))
    assert (stored.created, len(stored.refused), count(engine)) == (0, 1, 0)


VALUES = {
    "null": None,
    "empty": b"",
    "not UTF-8": b"\xff\xfe\x00",
    "nested": b"[" * 1_000 + b"]" * 1_000,
    "nested payload": b'{"event_type": "notification.feishu.requested", "payload": '
    + b'{"a":' * 1_000
    + b"1"
    + b"}" * 1_001,
    "number": b"1e999999",
    "long digits": b'{"outbox_id": ' + b"9" * 5_000 + b', "payload": {}}',
    "1 MB of nothing": b"x" * 1_000_000,
    "1 MB summary": event("big", summary_text="汉" * 340_000),
    "lone surrogate": b'{"event_type": "\\ud800", "payload": {}}',
    "NUL": event("nul\0", summary_text="\0", trace_id="\0"),
    "emoji": event("🦢" * 191, preview_id="🦢" * 64),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("key", [None, b"", b"\xff" * 300])
def test_any_bytes_become_a_row_or_a_reject(
    engine: Engine, clock: Clock, queue: PointerList, value: bytes | None, key: bytes | None
) -> None:
    """Never a failed batch: that would block its partition for ever."""
    report = ingester(engine, clock, queue).run([kafka(value, key=key), *batch("good")])
    assert count(engine) + count(engine, "notification_rejects") == report.received == 2
    assert all((kept.key, kept.value) == (key, value) for kept in rejects(engine))


@pytest.mark.parametrize("name", ["", "a", "\ud800", "\0", "汉" * 1_000, '"\\'])
def test_any_header_is_kept(engine: Engine, clock: Clock, queue: PointerList, name: str) -> None:
    """Names that are no text are shown with a question mark, values are any bytes; names may repeat."""
    ingester(engine, clock, queue).run([kafka(b"", headers=((name, b""), (name, bytes(range(256)))))])
    [kept] = rejects(engine)
    shown = json.loads(kept.headers)
    assert [header["name"] for header in shown] == [name.replace("\ud800", "?")] * 2
    assert base64.b64decode(shown[1]["value"]) == bytes(range(256))


@pytest.mark.parametrize(
    "other", [{"value": b"two"}, {"timestamp": 2}, {"timestamp": None}, {"key": b"8"}, {"key": None}, {"value": None}]
)
def test_two_rejects_at_one_position_are_both_kept(
    engine: Engine, clock: Clock, queue: PointerList, other: dict[str, Any]
) -> None:
    """A topic that was made anew counts from 0 again: another time, key or value is another record."""
    stage, first = ingester(engine, clock, queue), kafka(b"one", offset=5, timestamp=1, key=b"7")
    second = replace(first, **other)
    stage.run([first])
    stage.run([second, first, second])
    kept = [(reject.timestamp, reject.key, reject.value) for reject in rejects(engine)]
    assert kept == [(one.timestamp, one.key, one.value) for one in (first, second)]


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    """Else a record that comes again after a deployment would be kept twice."""
    made = fingerprint(kafka(None, timestamp=1, key=b"7")).hex()
    assert made == "52625182fd04717fcc8b2643a6364ef254e3a132c83bad3023d9cf8e3af51c19"


def test_one_reject_three_times_is_kept_once(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Within one event and across events; what an operator noted about it stays."""
    stage, bad = ingester(engine, clock, queue), kafka(b"one", offset=5, timestamp=1)
    assert stage.run([bad, bad, bad]).received == 3
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_rejects SET replayed_at = '2026-01-31 08:00:00'")
    stage.run([bad])
    [kept] = rejects(engine)
    assert (kept.value, str(kept.replayed_at)) == (b"one", "2026-01-31 08:00:00")


def test_a_reason_tells_no_value_that_mysql_quotes(picky: Engine, clock: Clock) -> None:
    """MySQL shows what it could not read; it may be private, and reasons are logged."""
    secret = "private words"
    unfit: dict[str, dict[str, object]] = {
        "a": {"user_id": secret},
        "b": {"requested_at": clock(), "target_id": secret},
    }
    bad = [request for key, changes in unfit.items() for request in asking_for(key, **changes).requests]
    stored = recorder_store(picky, clock, Intake(requests=bad, rejects=[]))
    assert len(stored.refused) == 2
    for reject in stored.refused:
        assert secret not in reject.reason
        assert "1366: Incorrect integer value: '…' for column" in reject.reason
