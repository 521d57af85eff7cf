"""Migrations: what they leave equals the models, from nothing and from the Go service's tables."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from delivery.deployment.migrate import MIGRATIONS, upgrade, upgrade_at
from delivery.domain.contract import RejectCode
from delivery.domain.intake import KafkaRecord, Reject
from delivery.storage.mysql.database import address_of
from delivery.storage.rejects import insert_rejects
from delivery.storage.tables import metadata
from tests.integration.conftest import engine_for
from tests.integration.migrations.schema import schema
from tests.integration.migrations.test_go_service_takeover import dies_at


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


def test_rejects_and_records_of_before_are_kept(go_database: Engine, database_url: str, tmp_path: Path) -> None:
    """Whatever statement the migration died before; old code may still write, and positions may repeat from now on."""
    later = shutil.ignore_patterns("__pycache__", "000[3-9]*")
    older = shutil.copytree(MIGRATIONS, tmp_path / "older", ignore=later)
    assert upgrade_at(address_of(database_url), migrations=older).after == "0002"
    now = datetime(2026, 1, 31, tzinfo=UTC)
    insert = text(
        "INSERT INTO notification_rejects (topic, `partition`, `offset`, value, headers, code, reason, created_at) "
        "VALUES ('t', 0, :offset, 'old', '[]', 'envelope_invalid', 'why', UTC_TIMESTAMP(3))"
    )
    with go_database.begin() as connection:
        connection.execute(insert, {"offset": 1})
        connection.execute(
            text(
                "INSERT INTO notification_records (channel, user_id, trigger_id, preview_id, trigger_type, "
                "target_type, target_id, dedupe_key, target_url, created_at, updated_at) "
                "VALUES ('feishu', 7, '', 'p', '', '', 0, 'k', '/', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))"
            )
        )
    # 0003: before the first table, before the second one, and before the version is written. 0004 and 0005: after each
    # step.
    assert [dies_at(statement, database_url) for statement in (1, 2, 2, 3, 2, 2, 2, 2, 2)] == [True] * 9
    upgrade(database_url)
    with go_database.begin() as connection:
        connection.execute(insert, {"offset": 2})
        source = KafkaRecord(topic="t", partition=0, offset=1, value=b"new", timestamp=1)
        insert_rejects(connection, [Reject(source=source, code=RejectCode.ENVELOPE_INVALID, reason="why")], now)
        kept = connection.execute(text("SELECT value FROM notification_rejects ORDER BY `offset`, id")).scalars().all()
        asked_at = connection.execute(text("SELECT requested_at FROM notification_records")).scalars().all()
    assert (kept, asked_at) == ([b"old", b"new", b"old"], [None])
