"""A real MySQL for the whole run; a fresh copy of the migrated schema for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from delivery.storage.database import open_engine
from delivery.storage.migrate import address_of, upgrade
from local.mysql import MySqlServer, mysql_server
from tests.integration.clock import Clock

_CACHE = Path(__file__).parents[2] / ".local" / "cache"
_names = count(1)


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    with mysql_server(tmp_path_factory.mktemp("mysql"), cache=_CACHE) as server:
        yield server


@pytest.fixture
def database_url(mysql: MySqlServer) -> Iterator[str]:
    """The URL of a database that does not exist yet, dropped afterwards."""
    url = mysql.with_database(f"test_{next(_names)}")
    yield url
    server = engine_for(mysql.with_database("mysql"))
    with server.begin() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]}"))
    server.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a freshly migrated database."""
    upgrade(database_url)
    engine = engine_for(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def engine_for(url: str) -> Engine:
    address = address_of(url)
    return open_engine(lambda: address)
