"""The migrate function on a real MySQL: as CloudFormation calls it at a deployment, and as a person does by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from delivery.aws.wiring import migrate as wiring
from delivery.aws.wiring.foundation import utc_now
from delivery.deployment import migrate as storage
from delivery.deployment.database_users import FunctionUsers
from delivery.deployment.failure import DeploymentError
from delivery.deployment.migrate import MIGRATIONS, alembic_config, upgrade_at
from delivery.deployment.rights import RIGHTS
from delivery.storage.mysql.columns import select
from delivery.storage.mysql.database import address_of
from delivery.storage.tables import metadata
from local.servers.mysql import MySqlServer
from tests.integration.deployment.deployments import OK, Secrets, by_hand, deploys, revision, tables
from tests.integration.deployment.function_users import BY_PASSWORD, settled
from tests.integration.migrations.schema import schema
from tests.integration.notifications import add_row, count
from tests.unit.feishu.raw_server import RawServer, raw_server

HEAD = ScriptDirectory.from_config(alembic_config(MIGRATIONS)).get_current_head()
NEXT = "next"
PASSWORD = "hunter2"

ADDS_A_TABLE = "CREATE TABLE added (id int PRIMARY KEY)"
FAILS = "ALTER TABLE no_such_table ADD COLUMN x int"


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[None]:
    """The function's environment and its secret, for a database that does not exist yet."""
    address = address_of(database_url)
    environment = {
        "DATABASE_HOST": address.host,
        "DATABASE_PORT": str(address.port),
        "DATABASE_NAME": address.database,
        "DATABASE_SECRET_ARN": "arn",
        "FUNCTIONS": "claim,ingest,send",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "client", lambda _: Secrets(user=address.user, password=address.password))
    for made in (wiring.migrator, wiring.holder):
        made.cache_clear()
    yield
    for made in (wiring.migrator, wiring.holder):
        made.cache_clear()


@pytest.fixture
def cloudformation() -> Iterator[RawServer]:
    with raw_server(OK) as server:
        yield server


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Deploys one more migration, which runs this statement."""

    def deploy(statement: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "next.py").write_text(
            f"from alembic import op\n\nrevision = {NEXT!r}\ndown_revision = {HEAD!r}\n\n\n"
            f"def upgrade() -> None:\n    op.execute({statement!r})\n"
        )
        monkeypatch.setattr(wiring, "upgrade_at", partial(upgrade_at, migrations=folder))

    return deploy


def test_a_deployment_makes_the_database_and_its_tables(cloudformation: RawServer, database_url: str) -> None:
    """CloudFormation's Create, answered over HTTP."""
    assert deploys(cloudformation) == ("SUCCESS", "")
    assert tables(database_url) == {*metadata.tables, "alembic_version"}


def test_by_hand_it_answers_with_the_revisions_and_works_once(database_url: str) -> None:
    """The second time there is nothing to do."""
    assert by_hand() == {"from": None, "to": HEAD}
    assert by_hand() == {"from": HEAD, "to": HEAD}


def test_each_migration_runs_once_however_often_it_is_deployed(
    fresh_engine: Engine, cloudformation: RawServer, next_version: Callable[[str], None]
) -> None:
    """The statement would fail if it were run again."""
    next_version(ADDS_A_TABLE)
    assert deploys(cloudformation, "Update") == deploys(cloudformation, "Update") == ("SUCCESS", "")
    assert by_hand() == {"from": NEXT, "to": NEXT}


def test_a_failed_migration_fails_the_deployment_with_mysql_s_own_words(
    fresh_engine: Engine, database_url: str, cloudformation: RawServer, next_version: Callable[[str], None]
) -> None:
    """The old revision still stands, and by hand the same error comes out."""
    before = schema(fresh_engine)
    next_version(FAILS)
    name = address_of(database_url).database
    reason = f"MySQL: 1146: Table '{name}.no_such_table' doesn't exist"
    assert deploys(cloudformation, "Update") == ("FAILED", reason)
    assert (revision(fresh_engine), schema(fresh_engine)) == (HEAD, before)
    with pytest.raises(DeploymentError, match="no_such_table"):
        by_hand()


def test_after_a_failure_another_run_does_not_wait_for_its_lock(
    fresh_engine: Engine,
    cloudformation: RawServer,
    next_version: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock went with the connection."""
    next_version(FAILS)
    deploys(cloudformation, "Update")
    monkeypatch.setattr(wiring, "upgrade_at", upgrade_at)
    monkeypatch.setattr(storage, "LOCK_SECONDS", 1)
    assert by_hand() == {"from": HEAD, "to": HEAD}


def test_a_rollback_to_older_migrations_succeeds_and_changes_nothing(
    fresh_engine: Engine,
    cloudformation: RawServer,
    next_version: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CloudFormation calls the old version again; if that failed, the stack could move neither way."""
    next_version(ADDS_A_TABLE)
    deploys(cloudformation, "Update")
    before = schema(fresh_engine)
    monkeypatch.setattr(wiring, "upgrade_at", upgrade_at)
    assert deploys(cloudformation, "Update") == ("SUCCESS", "")
    assert (revision(fresh_engine), schema(fresh_engine)) == (NEXT, before)


def test_users_that_cannot_be_made_fail_the_deployment_with_mysql_s_own_words(
    cloudformation: RawServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on an RDS whose IAM authentication is off; the tables are there by then."""
    monkeypatch.setenv("DATABASE_USER_PREFIX", f"{address_of(database_url).database}_")
    assert deploys(cloudformation) == ("FAILED", "MySQL: 1524: Plugin 'AWSAuthenticationPlugin' is not loaded")
    assert tables(database_url) == {*metadata.tables, "alembic_version"}


def test_users_are_settled_after_each_migration_and_after_a_rollback(
    fresh_engine: Engine,
    database_url: str,
    cloudformation: RawServer,
    next_version: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A right on a table that the migration makes, and none of it any more when the older version is back."""
    with settled(database_url, fresh_engine) as users:
        monkeypatch.setattr(wiring, "FunctionUsers", partial(FunctionUsers, identified=BY_PASSWORD))
        monkeypatch.setenv("DATABASE_USER_PREFIX", users.prefix)
        before = users.grants("claim")
        next_version(ADDS_A_TABLE)
        with monkeypatch.context() as new_version:
            new_version.setitem(RIGHTS, "claim", {"added": frozenset(select("id")), **RIGHTS["claim"]})
            assert deploys(cloudformation, "Update") == ("SUCCESS", "")
            assert len(users.grants("claim") - before) == 1
        monkeypatch.setattr(wiring, "upgrade_at", upgrade_at)
        assert deploys(cloudformation, "Update") == ("SUCCESS", "")
        assert users.grants("claim") == before


def test_a_deletion_touches_nothing(fresh_engine: Engine, cloudformation: RawServer) -> None:
    """Neither rows nor tables: the stack goes, the truth stays."""
    with fresh_engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    before = schema(fresh_engine)
    assert deploys(cloudformation, "Delete") == ("SUCCESS", "")
    assert schema(fresh_engine) == before
    with fresh_engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM alembic_version")).scalar_one() == 0


def test_a_migration_that_takes_too_long_is_told_before_lambda_ends_it(
    fresh_engine: Engine, cloudformation: RawServer, next_version: Callable[[str], None]
) -> None:
    """Without an answer the deployment would hang."""
    next_version("DO SLEEP(3)")
    status, reason = deploys(cloudformation, "Update", seconds=31)
    assert (status, reason.partition(":")[0]) == ("FAILED", "TimeoutError")
    assert "MySQL may still be at work" in reason


def test_a_migration_gives_way_to_what_is_being_served(
    fresh_engine: Engine,
    cloudformation: RawServer,
    next_version: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Statements queue up behind a DDL that waits for a long transaction; so it waits for seconds, not for a year."""
    next_version("ALTER TABLE notification_rejects ADD COLUMN added int")
    monkeypatch.setattr(storage, "_SESSION_TIMEOUTS", "SET SESSION lock_wait_timeout = 1")
    with fresh_engine.connect() as serving:
        serving.execute(text("SELECT COUNT(*) FROM notification_rejects"))
        reason = "MySQL: 1205: Lock wait timeout exceeded; try restarting transaction"
        assert deploys(cloudformation, "Update") == ("FAILED", reason)
        serving.rollback()
    assert deploys(cloudformation, "Update") == ("SUCCESS", "")


def test_a_connection_that_migrates_may_not_wait_or_idle_for_long(fresh_engine: Engine) -> None:
    """An instance that was frozen in the middle frees the lock within a minute."""
    with fresh_engine.connect() as connection:
        storage.migrate(connection, MIGRATIONS)
        waits = connection.execute(text("SELECT @@SESSION.lock_wait_timeout, @@SESSION.wait_timeout")).one()
    assert tuple(waits) == (20, 60)


def test_another_migration_is_waited_for_and_then_named(
    fresh_engine: Engine, cloudformation: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deployments at once do not run the same DDL."""
    monkeypatch.setattr(storage, "LOCK_SECONDS", 1)
    with fresh_engine.connect() as other:
        other.execute(text("SELECT GET_LOCK('hongyan.migrate', 0)"))
        reason = "TimeoutError: another migration has been running for 1 seconds"
        assert deploys(cloudformation, "Update") == ("FAILED", reason)
    other.close()


def test_a_wrong_password_is_told_without_the_password(
    mysql: MySqlServer, cloudformation: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MySQL's own refusal names the user only."""
    monkeypatch.setattr(wiring, "client", lambda _: Secrets(user="nobody", password=PASSWORD))
    status, reason = deploys(cloudformation)
    assert (status, reason.partition("'")[0]) == ("FAILED", "MySQL: 1045: Access denied for user ")
    assert PASSWORD not in reason


@pytest.fixture
def open_record(fresh_engine: Engine) -> Engine:
    """A restored database with a record that nothing has touched for an hour."""
    an_hour_ago = utc_now() - timedelta(hours=1)
    add_row(fresh_engine, now=an_hour_ago, next_retry_at=an_hour_ago)
    return fresh_engine


HELD = "last_error_code = 'held_after_restore'"


def a_minute_ago() -> str:
    return (utc_now() - timedelta(minutes=1)).isoformat(timespec="seconds").replace("+00:00", "Z")


def test_a_deployment_after_a_restore_holds_what_was_open_before_anything_serves(
    open_record: Engine, cloudformation: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever serves waits for this answer; a second deployment with the same setting finds nothing more."""
    monkeypatch.setenv("HOLD_OPEN_BEFORE", a_minute_ago())
    assert deploys(cloudformation) == deploys(cloudformation, "Update") == ("SUCCESS", "")
    assert count(open_record, where=HELD) == 1


def test_without_the_setting_what_was_open_goes_out_again(open_record: Engine, cloudformation: RawServer) -> None:
    """As after any other outage."""
    assert deploys(cloudformation) == ("SUCCESS", "")
    assert count(open_record, where="status = 'pending'") == 1


def test_by_hand_records_are_held_and_released(open_record: Engine) -> None:
    """For a database that was restored by other means, and for the operator's decision."""
    assert by_hand(hold_open_before=a_minute_ago()) == {"from": HEAD, "to": HEAD, "held": 1}
    assert by_hand(release_held=True) == {"released": 1}
    assert count(open_record, where="status = 'failed' AND next_retry_at IS NOT NULL") == 1
    assert by_hand(hold_open_before=a_minute_ago()) == {"from": HEAD, "to": HEAD, "held": 0}


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-30T00:00:00Z", "2026-11-25T03:07:00"])
def test_what_is_no_moment_holds_nothing_and_says_so(open_record: Engine, wrong: str) -> None:
    """Without a zone it could be hours off."""
    with pytest.raises(DeploymentError, match=f"such as 2026-11-25T03:07:00Z, is {wrong}"):
        by_hand(hold_open_before=wrong)
    assert count(open_record, where=HELD) == 0


def test_a_moment_in_the_future_fails_the_deployment(
    open_record: Engine, cloudformation: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason on the terminal."""
    monkeypatch.setenv("HOLD_OPEN_BEFORE", "2126-11-25T03:07:00Z")
    reason = "records open before 2126-11-25T03:07:00+00:00 cannot be held: it lies in the future"
    assert deploys(cloudformation) == ("FAILED", reason)
