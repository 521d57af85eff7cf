"""A backend's connections to MySQL, of every kind that `enqueue` takes, and its own table beside the outbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pymysql
from pymysql.cursors import DictCursor, SSCursor
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from delivery.storage.mysql.database import address_of

_BUSINESS = (
    "CREATE TABLE IF NOT EXISTS suggestions (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT, made_at DATETIME(3))"
)


class Pep249:
    """What every driver has by PEP 249, and nothing of PyMySQL beside it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.commit, self.rollback, self.close = connection.commit, connection.rollback, connection.close

    def cursor(self) -> Pep249Cursor:
        return Pep249Cursor(self._connection.cursor())


class Pep249Cursor:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, operation: str, parameters: tuple[Any, ...] = ()) -> None:
        self._cursor.execute(operation, parameters)

    @property
    def lastrowid(self) -> int:
        """It is not asked once the cursor is closed."""
        assert self._cursor.connection is not None
        return int(self._cursor.lastrowid)

    def close(self) -> None:
        self._cursor.close()


def pymysql_connection(url: str, **options: Any) -> Any:
    address = address_of(url)
    where = {"host": address.host, "port": address.port, "database": address.database}
    return pymysql.connect(**{**where, "user": address.user, "password": address.password, **options})


#: name → opens such a connection to the engine's database; all of them commit and roll back by the same words
KINDS: Mapping[str, Callable[[Engine, str], Any]] = {
    "PyMySQL": lambda _engine, url: pymysql_connection(url),
    "PyMySQL, rows as dictionaries": lambda _engine, url: pymysql_connection(url, cursorclass=DictCursor),
    "PyMySQL, unbuffered": lambda _engine, url: pymysql_connection(url, cursorclass=SSCursor),
    "PEP 249 alone": lambda _engine, url: Pep249(pymysql_connection(url)),
    "SQLAlchemy's Connection": lambda engine, _url: engine.connect(),
    "SQLAlchemy's raw connection": lambda engine, _url: engine.raw_connection(),
    "SQLAlchemy's Session": lambda engine, _url: Session(engine),
    "SQLAlchemy's scoped_session": lambda engine, _url: scoped_session(sessionmaker(engine)),
}


@contextmanager
def opened(kind: str, engine: Engine, url: str) -> Iterator[Any]:
    with ExitStack() as ending:
        connection = KINDS[kind](engine, url)
        ending.callback(connection.close)
        yield connection


def write_business_row(connection: Any, user_id: int) -> None:
    """As the backend itself does it, with what it has."""
    statement = f"INSERT INTO suggestions (user_id) VALUES ({user_id:d})"
    if hasattr(connection, "cursor"):
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement)
    else:
        connection.execute(text(statement))


def written(engine: Engine) -> tuple[list[int], list[dict[str, Any]]]:
    """What others see: the users of the business rows, and the outbox."""
    with engine.connect() as connection:
        users = connection.execute(text("SELECT user_id FROM suggestions ORDER BY id")).scalars().all()
        outbox = connection.execute(text("SELECT * FROM notification_outbox_messages ORDER BY id")).mappings().all()
    return list(users), [dict(row) for row in outbox]


def as_relay_publishes(row: Mapping[str, Any]) -> bytes:
    """The Kafka value of an outbox row (docs/producers.md)."""
    document = json.loads(row["payload"])
    return json.dumps({**document, "outbox_id": row["id"], "service_name": row["service_name"]}).encode()


@contextmanager
def business_table(engine: Engine) -> Iterator[None]:
    with engine.begin() as connection:
        connection.execute(text(_BUSINESS))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE suggestions"))
