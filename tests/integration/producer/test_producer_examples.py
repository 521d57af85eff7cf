"""The examples of docs/producers.md that write to MySQL do what the page says, as they stand there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from delivery.domain.contract import Accepted
from hongyan_producer import checked_event, enqueue
from tests.integration.producer.producing import as_relay_publishes, business_table, pymysql_connection, written
from tests.producer_pages import PAGE, block
from tests.unit.samples import judge, payload


class Base(DeclarativeBase):
    pass


class Suggestion(Base):
    __tablename__ = "suggestions"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]


@pytest.fixture(autouse=True)
def business(engine: Engine) -> Iterator[None]:
    with business_table(engine):
        yield


def defined(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page's own
    return names


def test_the_example_with_a_driver_s_connection(engine: Engine, shared_url: str) -> None:
    """A suggestion and its event, which ingest accepts."""
    suggest = defined(block("def suggest("))["suggest"]
    with pymysql_connection(shared_url) as connection:
        suggest(connection, 7, "周三的会议可以改到周四。")
    users, [row] = written(engine)
    verdict = judge(as_relay_publishes(row))
    assert users == [7]
    assert isinstance(verdict, Accepted)
    assert verdict.record.dedupe_key.startswith("7:schedule_conflict:")


def test_the_example_with_sqlalchemy(engine: Engine) -> None:
    save = defined(block("def save("))["save"]
    save(engine, Suggestion(user_id=7), payload())
    users, [row] = written(engine)
    assert users == [7]
    assert isinstance(judge(as_relay_publishes(row)), Accepted)


def test_what_another_language_inserts_is_the_row_that_enqueue_inserts(engine: Engine, shared_url: str) -> None:
    """But for its id and times; with the values of the page's table."""
    statement = block("INSERT INTO", language="sql").replace("?", "%s")
    values = dict(re.findall(r"^\| `(event_type|service_name|topic)` \| `([\w.]+)`", PAGE.read_text(), re.MULTILINE))
    event = checked_event(payload())
    document = json.dumps({name: value for name, value in event.envelope.items() if name != "service_name"})
    with pymysql_connection(shared_url) as connection:
        with connection.cursor() as cursor:
            cursor.execute(statement, (*values.values(), str(payload()["user_id"]), document))
        connection.commit()
        enqueue(connection, payload())
        connection.commit()
    _, [theirs, ours] = written(engine)
    for row in (theirs, ours):
        assert row.pop("next_retry_at") == row.pop("created_at") == row.pop("updated_at")
        del row["id"]
    assert theirs == ours
