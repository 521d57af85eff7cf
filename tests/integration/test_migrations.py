"""Migrations: what they leave equals the models, from nothing and from the Go service's tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from delivery.deployment.migrate import MIGRATIONS, upgrade, upgrade_at
from delivery.storage.database import address_of
from delivery.storage.tables import metadata
from tests.integration.conftest import engine_for
from tests.integration.schema import schema


def test_the_migrations_leave_what_the_models_say(fresh_engine: Engine, database_url: str) -> None:
    """Autogenerate would miss collations and index order; MySQL's own SHOW CREATE TABLE does not."""
    by_models = engine_for(database_url)
    migrated = schema(fresh_engine)
    with by_models.begin() as connection:
        for table in migrated:
            connection.execute(text(f"DROP TABLE {table}"))
        metadata.create_all(connection)
    assert schema(by_models) == migrated
    by_models.dispose()


def test_running_the_migrations_again_changes_nothing(fresh_engine: Engine, database_url: str) -> None:
    """A deployment runs them every time."""
    before = schema(fresh_engine)
    upgrade(database_url)
    assert schema(fresh_engine) == before


@pytest.mark.parametrize("died_after", ["nothing", "notification_records", "notification_rejects"])
def test_a_migration_that_died_halfway_is_finished_by_the_next(
    fresh_engine: Engine, database_url: str, died_after: str
) -> None:
    """MySQL commits each DDL statement: dying leaves some tables and no version."""
    whole = schema(fresh_engine)
    names = list(metadata.tables)
    kept = names[: names.index(died_after) + 1] if died_after in names else []
    with fresh_engine.begin() as connection:
        for name in set(names) - set(kept):
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("DELETE FROM alembic_version"))
    upgrade(database_url)
    assert schema(fresh_engine) == whole


def test_the_migrations_run_in_a_directory_with_a_percent_sign(database_url: str, tmp_path: Path) -> None:
    """Alembic's configuration would take it for an interpolation."""
    copied = shutil.copytree(MIGRATIONS, tmp_path / "100% of it")
    assert upgrade_at(address_of(database_url), migrations=copied).after is not None
