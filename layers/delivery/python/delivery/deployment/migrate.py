"""Brings a database to the newest schema: an empty one, an older one of ours, or one that the Go service wrote."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from delivery import storage
from delivery.deployment.database_users import FunctionUsers
from delivery.deployment.failure import DeploymentError
from delivery.storage.mysql.database import Address, address_of, open_engine, own_words

MIGRATIONS = Path(storage.__file__).parent / "migrations"
#: How long a migration waits for another one: MySQL's DDL is not transactional, so they must not overlap.
LOCK_SECONDS = 300
_LOCK = "hongyan.migrate"
# An ALTER of a large table may be silent for hours. A caller with less time, such as a Lambda, sets its own limit.
_STATEMENT_SECONDS = 86_400
# A waiting DDL blocks every later statement on its table, and MySQL's default limit is a year. A function
# that was frozen or ended holds the lock until MySQL gives up its idle connection, by default after eight hours.
_SESSION_TIMEOUTS = "SET SESSION lock_wait_timeout = 20, wait_timeout = 60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """The revisions before and after. None means that the database had none."""

    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrator:
    """Runs the missing migrations, and stops waiting early enough to report that."""

    upgrade: Callable[[], Migrated]
    now: Callable[[], datetime]

    def run(self, *, until: datetime) -> Migrated:
        """Runs them and returns the revisions.

        Raises:
            DeploymentError: MySQL refused a statement.
            TimeoutError: time is up.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrate")
        try:
            return executor.submit(self.upgrade).result(timeout=(until - self.now()).total_seconds())
        except DBAPIError as error:
            raise DeploymentError(f"MySQL: {own_words(error)}") from error
        except TimeoutError as error:
            raise TimeoutError(str(error) or "the time is up; MySQL may still be at work on a statement") from error
        finally:
            executor.shutdown(wait=False)  # a thread in the middle of a statement cannot be ended


def upgrade(url: str) -> None:
    """Does what `upgrade_at` does, for an address in a URL.

    Args:
        url: `mysql+pymysql://user:password@host:port/database`.
    """
    upgrade_at(address_of(url))


def upgrade_at(address: Address, *, migrations: Path = MIGRATIONS, users: FunctionUsers | None = None) -> Migrated:
    """Creates the database if it is missing and runs its missing migrations. Safe to run again.

    Then gives the functions' own users exactly their rights, if `users` is given.

    Raises:
        sqlalchemy.exc.DBAPIError: in MySQL's own words. Finished migrations stay, and running again continues there.
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


def migrate(connection: Connection, migrations: Path, users: FunctionUsers | None = None) -> Migrated:
    """Runs the migrations on an open connection. After an error the caller must close it, which frees the lock."""
    connection.execute(text(_SESSION_TIMEOUTS))
    if not connection.execute(
        text("SELECT GET_LOCK(:name, :seconds)"), {"name": _LOCK, "seconds": LOCK_SECONDS}
    ).scalar():
        raise TimeoutError(f"another migration has been running for {LOCK_SECONDS} seconds")
    config = alembic_config(migrations)
    config.attributes["connection"] = connection
    before = _revision(connection)
    if not _is_newer(before, config):
        command.upgrade(config, "head")
    if users:
        users.settle(connection)
    connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})
    return Migrated(before=before, after=_revision(connection))


def alembic_config(migrations: Path) -> Config:
    """Alembic's configuration for the migrations in this folder."""
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))  # Alembic interpolates %
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _is_newer(revision: str | None, config: Config) -> bool:
    """A rollback runs the older version's migrations on a newer database. If they failed, it would be stuck."""
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
    """Ask first, because even IF NOT EXISTS waits for every open transaction in that database."""
    found = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = :name"
    return bool(connection.execute(text(found), {"name": database}).scalar_one())
