"""A real MySQL for the whole run; a fresh copy of the migrated schema for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from delivery.deployment.migrate import upgrade
from delivery.storage.mysql.database import address_of, open_engine
from delivery.storage.tables import metadata
from local.servers.mysql import MySqlServer, mysql_server
from tests.integration.clock import Clock
from tests.integration.sending import PointerList

_CACHE = Path(__file__).parents[2] / ".local" / "cache"
_names = count(1)


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    with mysql_server(tmp_path_factory.mktemp("mysql"), cache=_CACHE) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(mysql: MySqlServer) -> Iterator[Sequence[str]]:
    """The statements that make what the migrations leave: running them copies the schema faster than migrating."""
    url = mysql.with_database("test_migrated")
    _drop(mysql, url)
    upgrade(url)
    with disposed(engine_for(url)) as engine, engine.connect() as connection:
        tables = connection.execute(text("SHOW TABLES")).scalars().all()
        made = [connection.execute(text(f"SHOW CREATE TABLE {table}")).one()[1] for table in tables]
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    yield [*made, f"INSERT INTO alembic_version VALUES ('{version}')"]
    _drop(mysql, url)


@pytest.fixture
def database_url(mysql: MySqlServer) -> Iterator[str]:
    """The URL of a database that does not exist yet, dropped afterwards."""
    url = mysql.with_database(f"test_{next(_names)}")
    _drop(mysql, url)
    yield url
    _drop(mysql, url)


@pytest.fixture
def fresh_engine(mysql: MySqlServer, database_url: str, migrated: Sequence[str]) -> Iterator[Engine]:
    """An engine on `database_url` as the migrations leave it: for tests that change tables, or fill them."""
    _make(mysql, database_url, migrated)
    with disposed(engine_for(database_url)) as engine:
        yield engine


@pytest.fixture
def go_database(mysql: MySqlServer, database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`, made but empty: for the tables of the Go service."""
    _make(mysql, database_url, [])
    with disposed(engine_for(database_url)) as engine:
        yield engine


@pytest.fixture(scope="session")
def shared_url(mysql: MySqlServer, migrated: Sequence[str]) -> Iterator[str]:
    """A database as the migrations leave it; every test that takes it from `engine` finds it empty."""
    url = mysql.with_database("test_shared")
    _drop(mysql, url)
    _make(mysql, url, migrated)
    yield url
    _drop(mysql, url)


@pytest.fixture
def engine(shared_url: str) -> Iterator[Engine]:
    """An engine on an empty database. Making tables costs half a second, emptying small ones nothing."""
    with disposed(engine_for(shared_url)) as engine:
        with engine.begin() as connection:
            for table in metadata.tables:
                connection.exec_driver_sql(f"DELETE FROM {table}")
        yield engine


@pytest.fixture
def another_engine(shared_url: str) -> Iterator[Callable[[], Engine]]:
    """Makes an engine of its own on the database of `engine`, for each thread that a test speaks of."""
    made: list[Engine] = []

    def make() -> Engine:
        made.append(engine_for(shared_url))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue() -> PointerList:
    return PointerList()


def engine_for(url: str) -> Engine:
    address = address_of(url)
    return open_engine(lambda: address)


@contextmanager
def disposed(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


def _make(mysql: MySqlServer, url: str, tables: Sequence[str]) -> None:
    _on_server(mysql, f"CREATE DATABASE {_name_in(url)} CHARACTER SET utf8mb4")
    with disposed(engine_for(url)) as engine, engine.begin() as connection:
        for statement in tables:
            connection.exec_driver_sql(statement)


def _drop(mysql: MySqlServer, url: str) -> None:
    _on_server(mysql, f"DROP DATABASE IF EXISTS {_name_in(url)}")


def _on_server(mysql: MySqlServer, statement: str) -> None:
    with disposed(engine_for(mysql.with_database("mysql"))) as server, server.begin() as connection:
        connection.exec_driver_sql(statement)


def _name_in(url: str) -> str:
    return url.rpartition("/")[2]
