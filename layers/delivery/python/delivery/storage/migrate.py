"""Brings a database to the newest schema: an empty one, an older one of ours, or one that the Go service wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import make_url

from delivery.storage.database import Address, open_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Two migrations at once wait for each other: MySQL's DDL knows no transaction.
_LOCK = "hongyan.migrate"
_LOCK_SECONDS = 300


def upgrade(url: str) -> None:
    """Creates the database of this URL if it is missing and runs the migrations it has not seen. Safe to run again.

    Args:
        url: `mysql+pymysql://user:password@host:port/database`.

    Raises:
        sqlalchemy.exc.DBAPIError: with MySQL's own words; what ran before stays, and running again goes on from there.
    """
    address = address_of(url)
    _create_database(address)
    engine = open_engine(lambda: address)
    try:
        with engine.connect() as connection:
            migrate(connection)
            connection.commit()
    finally:
        engine.dispose()


def address_of(url: str) -> Address:
    """The address in a `mysql+pymysql://` URL."""
    parts = make_url(url)
    return Address(
        host=parts.host or "127.0.0.1",
        port=parts.port or 3306,
        database=parts.database or "",
        user=parts.username or "root",
        password=parts.password or "",
    )


def migrate(connection: Connection) -> None:
    """Runs the migrations on an open connection. After an error its end is what frees the lock for others."""
    if not connection.execute(
        text("SELECT GET_LOCK(:name, :seconds)"), {"name": _LOCK, "seconds": _LOCK_SECONDS}
    ).scalar():
        raise TimeoutError(f"another migration has been running for {_LOCK_SECONDS} seconds")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})


def _create_database(address: Address) -> None:
    server = open_engine(lambda: replace(address, database=""))
    with server.begin() as connection:
        name = address.database.replace("`", "``")
        connection.execute(text(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"))
    server.dispose()
