"""A backend's outbox on MySQL: the row comes and goes with the caller's transaction, and holds what ingest takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from delivery.storage.mysql.database import address_of
from hongyan_producer import ContractError, enqueue
from tests.integration.clock import Clock
from tests.integration.migrations.go_service import make_tables
from tests.integration.notifications import kafka, rows
from tests.integration.producer.producing import (
    KINDS,
    as_relay_publishes,
    business_table,
    opened,
    pymysql_connection,
    write_business_row,
    written,
)
from tests.integration.sending import PointerList, ingester
from tests.unit.samples import payload

SECRET = "SECRET-VALUE-42"


@pytest.fixture(autouse=True)
def business(engine: Engine) -> Iterator[None]:
    with business_table(engine):
        yield


@pytest.fixture(params=KINDS)
def connection(request: pytest.FixtureRequest, engine: Engine, shared_url: str) -> Iterator[Any]:
    with opened(request.param, engine, shared_url) as connection:
        yield connection


@pytest.fixture
def plain(shared_url: str) -> Iterator[Any]:
    with pymysql_connection(shared_url) as connection:
        yield connection


def test_a_row_is_there_once_the_caller_commits(connection: Any, engine: Engine) -> None:
    """Not before: `enqueue` commits nothing."""
    write_business_row(connection, 7)
    row_id = enqueue(connection, payload())
    assert written(engine) == ([], [])
    connection.commit()
    users, [row] = written(engine)
    assert (users, row["id"]) == ([7], row_id)


def test_a_row_goes_with_the_caller_s_transaction(connection: Any, engine: Engine) -> None:
    write_business_row(connection, 7)
    enqueue(connection, payload())
    connection.rollback()
    assert written(engine) == ([], [])


def test_a_payload_that_breaks_the_contract_writes_nothing_and_ends_nothing(connection: Any, engine: Engine) -> None:
    """The caller may still commit what it has."""
    write_business_row(connection, 7)
    with pytest.raises(ContractError, match=r"user_id: should be greater than 0; target_url: should begin with"):
        enqueue(connection, payload(user_id=0, target_url=SECRET))
    connection.commit()
    assert written(engine) == ([7], [])


def test_ingest_takes_the_row_s_event_and_marks_the_row(
    connection: Any, engine: Engine, clock: Clock, queue: PointerList
) -> None:
    """As relay publishes it: with the row's id and its service's name."""
    row_id = enqueue(connection, payload(summary_text="周三 🦢", locale="zh"), event_id="ev-1")
    connection.commit()
    _, [row] = written(engine)
    ingester(engine, clock, queue).run([kafka(as_relay_publishes(row), key=row["message_key"].encode())])
    [record] = rows(engine)
    assert (record.user_id, record.summary_text) == (7, "周三 🦢")
    _, [row] = written(engine)
    assert (row["id"], row["status"]) == (row_id, "consumed")


def test_the_row_is_due_at_once_and_says_where_its_event_goes(plain: Any, engine: Engine) -> None:
    enqueue(plain, payload(preview_id=" pv-1 "), event_id="ev-1")
    plain.commit()
    _, [row] = written(engine)
    times = {row.pop(name) for name in ("next_retry_at", "created_at", "updated_at")}
    assert abs(datetime.now(UTC).replace(tzinfo=None) - times.pop()) < timedelta(minutes=5)
    assert times == set()
    document = json.loads(row.pop("payload"))
    assert document == {
        "event_id": "ev-1",
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "aggregate_id": "pv-1",
        "payload": payload(preview_id=" pv-1 "),
    }
    del row["id"]
    assert row == {
        "event_type": "notification.feishu.requested",
        "service_name": "notification",
        "topic": "smartflow.notification.outbox",
        "message_key": "7",
        "status": "pending",
        "retry_count": 0,
        "max_retry": 20,
        "last_error": None,
        "published_at": None,
        "consumed_at": None,
        "ordered_key": "7",
    }


def test_an_event_that_nobody_named_has_an_empty_name(plain: Any, engine: Engine) -> None:
    """The relay then names it after its row."""
    enqueue(plain, payload())
    plain.commit()
    _, [row] = written(engine)
    assert json.loads(row["payload"])["event_id"] == ""


def test_a_stage_may_have_another_topic_and_other_prefixes(plain: Any, engine: Engine) -> None:
    enqueue(plain, payload(target_url="/plans/1"), topic="plans-1", url_prefixes=("/plans/",), max_retry=3)
    plain.commit()
    _, [row] = written(engine)
    assert (row["topic"], row["max_retry"]) == ("plans-1", 3)


def test_rows_of_a_transaction_have_ids_in_their_order(plain: Any, engine: Engine) -> None:
    """The relay publishes a user's events by id."""
    ids = [enqueue(plain, payload(dedupe_key=f"k{number}")) for number in range(3)]
    plain.commit()
    _, found = written(engine)
    keys = [json.loads(row["payload"])["payload"]["dedupe_key"] for row in found]
    assert ([row["id"] for row in found], keys) == (ids, ["k0", "k1", "k2"])


@pytest.mark.parametrize("option", [{"charset": "latin1"}, {"init_command": "SET time_zone = '+08:00', sql_mode = ''"}])
def test_the_caller_s_session_does_not_change_the_row(option: dict[str, str], engine: Engine, shared_url: str) -> None:
    """Neither its character set nor its time zone."""
    with pymysql_connection(shared_url, **option) as connection:
        enqueue(connection, payload(summary_text="周三 🦢 \\ ' \" %s"))
        connection.commit()
    _, [row] = written(engine)
    assert json.loads(row["payload"])["payload"]["summary_text"] == "周三 🦢 \\ ' \" %s"
    assert abs(datetime.now(UTC).replace(tzinfo=None) - row["next_retry_at"]) < timedelta(minutes=5)


def test_the_outbox_may_be_in_another_database_of_the_server(shared_url: str, engine: Engine) -> None:
    """A transaction spans the databases of one server."""
    database = address_of(shared_url).database
    with pymysql_connection(shared_url, database="information_schema") as connection:
        row_id = enqueue(connection, payload(), database=database)
        connection.commit()
    _, [row] = written(engine)
    assert row["id"] == row_id


@pytest.mark.parametrize("name", ["a`b", "a.b", "a b", "a%s", "ü", "x" * 65, "a\n"])
def test_what_is_no_database_s_name_is_refused(plain: Any, name: str) -> None:
    """It stands in the statement itself."""
    with pytest.raises(ValueError, match=r"^database: should have up to 64 letters"):
        enqueue(plain, payload(), database=name)


@pytest.mark.parametrize("topic", ["", "a b", "x" * 250, "主题", "a\n"])
def test_what_is_no_topic_s_name_is_refused(plain: Any, engine: Engine, topic: str) -> None:
    """Kafka would refuse each of its events."""
    with pytest.raises(ValueError, match=r"^topic: should have up to 249 letters"):
        enqueue(plain, payload(), topic=topic)
    plain.commit()
    assert written(engine) == ([], [])


def test_what_is_no_connection_is_refused_by_name(engine: Engine) -> None:
    """An Engine would commit the row in a transaction of its own."""
    wrong: Any = engine
    with pytest.raises(TypeError, match=r"SQLAlchemy's Connection or Session, is Engine$"):
        enqueue(wrong, payload())
    assert written(engine) == ([], [])


def test_the_right_to_insert_is_all_that_a_backend_needs(engine: Engine, shared_url: str) -> None:
    """It cannot read the outbox, let alone the rest."""
    database = address_of(shared_url).database
    with engine.begin() as root:
        root.execute(text("CREATE USER 'backend'@'%' IDENTIFIED BY 'a password of the tests'"))
        root.execute(text(f"GRANT INSERT ON {database}.notification_outbox_messages TO 'backend'@'%'"))
    try:
        with pymysql_connection(shared_url, user="backend", password="a password of the tests") as connection:
            enqueue(connection, payload())
            connection.commit()
    finally:
        with engine.begin() as root:
            root.execute(text("DROP USER 'backend'@'%'"))
    assert len(written(engine)[1]) == 1


def test_the_go_service_s_own_table_takes_the_row(go_database: Engine, database_url: str) -> None:
    """A backend may switch to the package before the service is taken over."""
    make_tables(go_database, collation="utf8mb4_general_ci", text_type="text", json_type="json")
    with pymysql_connection(database_url) as connection:
        enqueue(connection, payload())
        connection.commit()
    with go_database.connect() as connection:
        [row] = connection.execute(text("SELECT * FROM notification_outbox_messages")).mappings().all()
    assert (row["status"], row["retry_count"], row["max_retry"]) == ("pending", 0, 20)
