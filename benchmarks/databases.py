"""Makes freshly migrated databases to measure in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from delivery.deployment.migrate import upgrade
from delivery.storage.mysql.database import Address, address_of, open_engine
from local.servers.mysql import MySqlServer

#: A statement that fills a table takes longer than any statement of a function, especially on a busy machine.
_FILLING_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    address: Address
    engine: Engine


@contextmanager
def fresh_database(server: MySqlServer, name: str, *, connections: int = 1) -> Iterator[Database]:
    """An empty, migrated database. It is dropped after the block, so that a measurement does not affect the next."""
    address = address_of(server.with_database(f"hongyan_bench_{name}"))
    _on_server(server, f"DROP DATABASE IF EXISTS {address.database}")
    upgrade(server.with_database(address.database))
    engine = open_engine(lambda: address, connections=connections, statement_seconds=_FILLING_SECONDS)
    try:
        yield Database(address=address, engine=engine)
    finally:
        engine.dispose()
        _on_server(server, f"DROP DATABASE {address.database}")


def version_of(server: MySqlServer) -> str:
    engine = open_engine(lambda: address_of(server.url))
    with engine.connect() as connection:
        version = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
    engine.dispose()
    return version


def _on_server(server: MySqlServer, statement: str) -> None:
    engine = open_engine(lambda: address_of(server.url))
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
