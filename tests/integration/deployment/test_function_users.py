"""Each function as its own MySQL user: its rights suffice for all that its stage does, and each of them is needed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from delivery.deployment.database_users import BY_IAM
from delivery.deployment.rights import RIGHTS
from delivery.domain.channel import Channel
from delivery.domain.record import DatabaseDown
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.storage.attempts import Attempts
from delivery.storage.mysql.columns import Privilege, select
from delivery.storage.mysql.database import error_number, own_words
from delivery.storage.tables import metadata
from local.feishu import FeishuSimulator
from tests.integration.clock import Clock
from tests.integration.deployment.function_users import Users, settled
from tests.integration.deployment.stage_work import WORK, channels
from tests.integration.notifications import batch
from tests.integration.sending import PointerList, claim_all, ingester, send

STAGES = tuple(RIGHTS)
#: of a command on a table, of a column, of a database, of anything that needs a privilege of the whole server
REFUSED = {1142, 1143, 1044, 1227}
COLUMNS = {name: table.columns.keys() for name, table in metadata.tables.items()}
EACH = [
    (stage, table, privilege)
    for stage, tables in RIGHTS.items()
    for table, privileges in tables.items()
    for privilege in sorted(privileges)
]


@pytest.fixture
def users(engine: Engine, shared_url: str) -> Iterator[Users]:
    with settled(shared_url, engine) as users:
        yield users


def refusal(own: Engine, statement: str) -> int:
    """MySQL's number, 0 if the user may."""
    with own.connect() as connection:
        try:
            connection.execute(text(statement))
        except DBAPIError as error:
            return error_number(error)
    return 0


@pytest.mark.parametrize("stage", STAGES)
def test_the_rights_suffice_for_all_that_the_stage_does(stage: str, users: Users) -> None:
    """As often as it likes."""
    own = users.engine(stage)
    for _ in range(2):
        WORK[stage](users.root, own)


def test_a_notification_goes_its_whole_way_as_three_users(users: Users, clock: Clock, queue: PointerList) -> None:
    """Recorded, found due, sent to its channel and closed, by stages of which none has another one's rights."""
    with FeishuSimulator() as feishu:
        url = feishu.webhook_url("key")
        channels(users.root).save(Channel(user_id=7, channel=FLOW_WEBHOOK, enabled=True, webhook_url=url), now=clock())
        ingester(users.engine("ingest"), clock, queue).run(batch("one"))
        clock.move(minutes=6)
        pointers = claim_all(users.engine("claim"), clock, queue)
        own = users.engine("send")
        sent = send(pointers, clock=clock, attempts=Attempts(engine=own), channels=channels(own), origin=feishu.url)
    assert sent == {"sent": 1}


@pytest.mark.parametrize("stage", STAGES)
def test_each_right_is_needed(stage: str, users: Users) -> None:
    """Without any one of them, some statement of the stage is refused."""
    own = users.engine(stage)
    for _, table, privilege in (it for it in EACH if it[0] == stage):
        column = f" (`{privilege.column}`)" if privilege.column else ""
        users.run(f"REVOKE {privilege.name}{column} ON {table} FROM {{{stage}}}")
        with pytest.raises((DBAPIError, DatabaseDown)) as refused:
            WORK[stage](users.root, own)
        cause = refused.value.__cause__ if isinstance(refused.value, DatabaseDown) else refused.value
        assert isinstance(cause, DBAPIError)
        assert error_number(cause) in REFUSED, f"{privilege} on {table}"
        users.settle()
    WORK[stage](users.root, own)


@pytest.mark.parametrize("stage", STAGES)
def test_a_user_is_refused_what_is_not_its_stage_s(stage: str, users: Users) -> None:
    """Another stage's tables, another stage's columns, deleting, tables themselves, and other users."""
    own, tables = users.engine(stage), RIGHTS[stage]
    whole = {table for table, columns in COLUMNS.items() if set(select(*columns)) <= tables.get(table, frozenset())}
    may_delete = {table for table, privileges in tables.items() if Privilege("DELETE") in privileges}
    beyond = [f"SELECT * FROM {table}" for table in [*{*metadata.tables} - whole, "alembic_version", "mysql.user"]]
    beyond += [f"SELECT COUNT(*) FROM {table}" for table in metadata.tables if table not in tables]
    beyond += [f"DELETE FROM {table} WHERE 1 = 0" for table in metadata.tables if table not in may_delete]
    beyond += [f"UPDATE {table} SET created_at = created_at" for table in tables if "created_at" in COLUMNS[table]]
    beyond += [f"ALTER TABLE {table} ADD COLUMN x int" for table in tables]
    beyond += ["CREATE TABLE x (id int)", "DROP TABLE notification_attempts", "TRUNCATE TABLE notification_rejects"]
    beyond += ["CREATE DATABASE x", "CREATE USER x", "SET GLOBAL max_connections = 1", "SHOW BINARY LOGS"]
    assert [it for it in beyond if refusal(own, it) not in REFUSED] == []


@pytest.mark.parametrize(
    ("stage", "statement"),
    [
        ("ingest", "SELECT bearer_token FROM user_notification_channels"),
        ("ingest", "UPDATE notification_records SET status = 'sent'"),
        ("ingest", "SELECT summary_text FROM notification_records"),
        ("claim", "SELECT summary_text FROM notification_records"),
        ("claim", "SELECT webhook_url FROM user_notification_channels"),
        ("claim", "UPDATE notification_records SET attempt_count = 0"),
        ("send", "INSERT INTO notification_records (id) VALUES (1)"),
        ("send", "UPDATE user_notification_channels SET webhook_url = ''"),
        ("send", "INSERT INTO notification_data_keys (wrapped_key) VALUES ('')"),
        ("relay", "SELECT summary_text FROM notification_records"),
        ("relay", "UPDATE notification_outbox_messages SET payload = '{}'"),
        ("relay", "INSERT INTO notification_outbox_messages (topic) VALUES ('t')"),
        ("api", "UPDATE notification_records SET attempt_count = 0"),
        ("api", "UPDATE notification_rejects SET value = ''"),
        ("api", "UPDATE notification_audit SET actor = ''"),
        ("api", "UPDATE notification_data_keys SET wrapped_key = ''"),
        ("api", "UPDATE notification_attempts SET outcome = ''"),
    ],
)
def test_what_would_hurt_most_is_refused(stage: str, statement: str, users: Users) -> None:
    """Texts, tokens and webhooks are read by whoever sends or shows them; nobody rewrites what happened."""
    assert refusal(users.engine(stage), statement) in REFUSED


def test_settling_again_changes_nothing(users: Users) -> None:
    """It runs with every deployment."""
    before = {stage: users.grants(stage) for stage in STAGES}
    users.settle()
    assert {stage: users.grants(stage) for stage in STAGES} == before
    assert all(len(before[stage]) == 1 + len(RIGHTS[stage]) for stage in STAGES)


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT DELETE ON notification_records TO {claim}",
        "GRANT SELECT ON notification_records TO {claim}",
        "GRANT SELECT (summary_text, `status`) ON notification_records TO {claim}",
        "GRANT SELECT (`key`, `offset`) ON notification_rejects TO {claim} WITH GRANT OPTION",
        "GRANT ALL ON notification_attempts TO {claim} WITH GRANT OPTION",
        "GRANT ALL ON `test\\_%`.* TO {claim} WITH GRANT OPTION",
        "GRANT CREATE USER, BACKUP_ADMIN ON *.* TO {claim} WITH GRANT OPTION",
        "GRANT ALL ON *.* TO {claim}",
        "GRANT {ingest}, {send} TO {claim} WITH ADMIN OPTION",
    ],
)
def test_what_is_too_much_is_revoked_and_the_rest_stays(grant: str, users: Users) -> None:
    """Whoever granted it, and in whatever form; the stage can still do its work."""
    before = users.grants("claim")
    users.run(grant)
    assert users.grants("claim") != before
    users.settle()
    assert users.grants("claim") == before
    WORK["claim"](users.root, users.engine("claim"))


def test_a_new_right_is_granted_and_an_old_one_goes(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a deployment brings a table."""
    monkeypatch.setitem(RIGHTS, "claim", {"notification_rejects": frozenset(select("id"))})
    users.settle()
    assert refusal(users.engine("claim"), "SELECT id FROM notification_rejects") == 0
    assert refusal(users.engine("claim"), "SELECT id FROM notification_records") in REFUSED


def test_a_function_that_is_not_there_has_no_user(users: Users) -> None:
    """As a stage without an API; with one again, its user is made again."""
    users.settle(words=frozenset(RIGHTS) - {"api"})
    with pytest.raises(DBAPIError) as refused:
        users.engine("api").connect()
    assert error_number(refused.value) == 1045
    WORK["send"](users.root, users.engine("send"))
    users.settle(words=frozenset(RIGHTS))
    WORK["api"](users.root, users.engine("api"))


def test_a_user_that_was_there_proves_itself_as_it_should_from_now_on(users: Users) -> None:
    """Its old password no longer opens anything."""
    users.run("ALTER USER {send} IDENTIFIED WITH caching_sha2_password BY 'another'")
    users.settle()
    WORK["send"](users.root, users.engine("send"))


def test_rds_s_own_plugin_is_asked_for_with_tls(users: Users) -> None:
    """This server has no such plugin and says so; one that had it would refuse a connection without TLS."""
    assert BY_IAM.endswith("REQUIRE SSL")
    with pytest.raises(DBAPIError) as refused:
        users.settle(BY_IAM)
    assert own_words(refused.value) == "1524: Plugin 'AWSAuthenticationPlugin' is not loaded"
