"""Brings a database to the newest schema: an empty one, an older one of ours, or one that the Go service wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import make_url

from delivery.storage.database import Address, open_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from delivery.storage.users import FunctionUsers

MIGRATIONS = Path(__file__).parent / "migrations"
#: Two migrations at once wait for each other: MySQL's DDL knows no transaction.
LOCK_SECONDS = 300
_LOCK = "hongyan.migrate"
# An ALTER of a large table is silent for as long as it takes; who has less time, as a Lambda, watches the clock itself.
_STATEMENT_SECONDS = 86_400
# A waiting DDL makes every later statement on its table wait behind it: MySQL's own limit is a year. A function that
# was frozen or ended would hold the lock until its idle connection is given up: by default after eight hours.
_PATIENCE = "SET SESSION lock_wait_timeout = 20, wait_timeout = 60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """The revisions before and after; None is a database without any."""

    before: str | None
    after: str | None


def upgrade(url: str) -> None:
    """As `upgrade_at`, with the address in a URL.

    Args:
        url: `mysql+pymysql://user:password@host:port/database`.
    """
    upgrade_at(address_of(url))


def upgrade_at(address: Address, *, migrations: Path = MIGRATIONS, users: FunctionUsers | None = None) -> Migrated:
    """Creates the database of this address if it is missing and runs the migrations it has not seen. Safe to run again.

    Afterwards the functions' own users are as they should be, if there are to be any.

    Raises:
        sqlalchemy.exc.DBAPIError: with MySQL's own words; what ran before stays, and running again goes on from there.
    """
    _create_database(address)
    engine = open_engine(lambda: address, statement_seconds=_STATEMENT_SECONDS)
    try:
        with engine.connect() as connection:
            migrated = migrate(connection, migrations, users)
            connection.commit()
    finally:
        engine.dispose()
    return migrated


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


def migrate(connection: Connection, migrations: Path, users: FunctionUsers | None = None) -> Migrated:
    """Runs the migrations on an open connection. After an error its end is what frees the lock for others."""
    connection.execute(text(_PATIENCE))
    if not connection.execute(
        text("SELECT GET_LOCK(:name, :seconds)"), {"name": _LOCK, "seconds": LOCK_SECONDS}
    ).scalar():
        raise TimeoutError(f"another migration has been running for {LOCK_SECONDS} seconds")
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))  # Alembic interpolates
    config.attributes["connection"] = connection
    before = _revision(connection)
    if not _is_newer(before, config):
        command.upgrade(config, "head")
    if users:
        users.settle(connection)
    connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})
    return Migrated(before=before, after=_revision(connection))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _is_newer(revision: str | None, config: Config) -> bool:
    """A deployment that is rolled back runs the older version's migrations: they must not fail, or it is stuck."""
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return revision is not None and revision not in known


def _create_database(address: Address) -> None:
    server = open_engine(lambda: replace(address, database=""))
    try:
        with server.begin() as connection:
            if not _exists(address.database, connection):
                name = address.database.replace("`", "``")
                connection.execute(text(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"))
    finally:
        server.dispose()


def _exists(database: str, connection: Connection) -> bool:
    """Asked first, since even IF NOT EXISTS waits for every open transaction in that database."""
    found = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = :name"
    return bool(connection.execute(text(found), {"name": database}).scalar_one())
