"""Writes an event into the outbox, in the transaction of the business row that it is about."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol

from hongyan_producer.contract.models import EVENT_TYPE, SERVICE_NAME, TOPIC
from hongyan_producer.contract.target_url import URL_PREFIXES
from hongyan_producer.event import Event, checked_event

TABLE = "notification_outbox_messages"
MAX_RETRY = 20
# The times come from MySQL's clock, in UTC regardless of the session's time zone.
_INSERT = """\
INSERT INTO {table} (event_type, service_name, topic, message_key, payload, status, retry_count, max_retry,
    next_retry_at, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, 'pending', 0, %s, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))"""
_TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_DATABASE_NAME = re.compile(r"[A-Za-z0-9_$-]{1,64}")


class DbApiConnection(Protocol):
    """A connection of PyMySQL, mysqlclient, MySQL Connector or Django (PEP 249)."""

    def cursor(self) -> Any: ...  # noqa: ANN401 - each driver has its own type


class SqlAlchemyConnection(Protocol):
    def exec_driver_sql(self, statement: str, parameters: Any, /) -> Any: ...  # noqa: ANN401 - SQLAlchemy's


class SqlAlchemySession(Protocol):
    def connection(self) -> SqlAlchemyConnection: ...


def enqueue(
    connection: DbApiConnection | SqlAlchemyConnection | SqlAlchemySession,
    payload: Mapping[str, Any],
    *,
    event_id: str = "",
    topic: str = TOPIC,
    database: str = "",
    max_retry: int = MAX_RETRY,
    url_prefixes: Sequence[str] = URL_PREFIXES,
) -> int:
    """Inserts the event's outbox row and returns its id. It never commits: the row exists once the caller commits.

    The relay publishes it within a second or two after that. An event that breaks the contract inserts nothing.

    Args:
        connection: A connection to the MySQL server with Hongyan's database, in the transaction of the business row.
        payload: The event's payload, as for `checked_event`.
        event_id: The producer's own name for the event; without one the relay gives it the row's id.
        topic: Where the stage reads events (its setting `kafka.topic`).
        database: Hongyan's database, if it is not the connection's own.
        max_retry: The relay gives the event up after this many refusals by Kafka.
        url_prefixes: The stage's setting `allowed_url_prefixes`.

    Raises:
        ContractError: The event breaks the contract.
    """
    event = checked_event(payload, event_id=event_id, url_prefixes=url_prefixes)
    if not _TOPIC_NAME.fullmatch(topic):
        raise ValueError("topic: should have up to 249 letters, digits, dots, underscores and hyphens")
    values = (EVENT_TYPE, SERVICE_NAME, topic, event.key, _document(event), max_retry)
    return _inserted(connection, _INSERT.format(table=_table(database)), values)


def _table(database: str) -> str:
    if database and not _DATABASE_NAME.fullmatch(database):
        raise ValueError("database: should have up to 64 letters, digits, underscores, hyphens and dollar signs")
    return f"`{database}`.{TABLE}" if database else TABLE


def _document(event: Event) -> str:
    """Writes the JSON in ASCII, so that the character set of the caller's connection does not matter."""
    return json.dumps({name: value for name, value in event.envelope.items() if name != "service_name"})


def _inserted(connection: Any, statement: str, values: tuple[Any, ...]) -> int:  # noqa: ANN401 - any of the three
    if hasattr(connection, "exec_driver_sql"):
        return int(connection.exec_driver_sql(statement, values).lastrowid)
    if hasattr(connection, "cursor"):
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement, values)
            return int(cursor.lastrowid)
    if callable(getattr(connection, "connection", None)):
        return _inserted(connection.connection(), statement, values)
    given = type(connection).__name__
    raise TypeError(f"should be a connection of a MySQL driver, or SQLAlchemy's Connection or Session, is {given}")
