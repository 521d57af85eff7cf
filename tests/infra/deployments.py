"""Deploys a stage step by step with the real command line, and keeps what the account looked like after each step."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - its own way to put the environment back
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from cdk.settings.context import ROOT
from delivery.storage.mysql.database import address_of
from local.account.faults import FAULTS
from local.account.gaps import missing
from local.account.resources.data import LOGIN
from local.servers.aws import Aws, aws_server
from local.servers.mysql import MySqlServer
from tests.infra.account.checkout import Assembly, Checkout, checkout
from tests.infra.account.seen import Seen, seen
from tests.infra.templates import BROKERS

STAGE = "dev"
DATABASE = "test_deployment"
SETTING: Mapping[str, Any] = {"send": {"max_concurrency": 7}}
FAILS = "ALTER TABLE no_such_table ADD COLUMN x int"
ADDS_A_TABLE = "CREATE TABLE added (id int PRIMARY KEY)"
_STAGE: Mapping[str, Any] = {"database": {"name": DATABASE}, "removal_policy": "retain"}
SNAPSHOTS = "arn:aws:rds:eu-west-1:111111111111:snapshot:"
OPEN_IN_THE_BACKUP = f"""
INSERT INTO {DATABASE}.notification_records (channel, user_id, trigger_id, preview_id, trigger_type, target_type,
    target_id, dedupe_key, target_url, status, next_retry_at, created_at, updated_at)
VALUES ('feishu', 7, '', '', '', '', 0, 'open', '/assistant/', 'pending', :an_hour_ago, :an_hour_ago, :an_hour_ago)"""
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = :name"
_USERS = "SELECT user FROM mysql.user WHERE LEFT(user, LENGTH(:name)) = :name"
_UNATTENDED = ("--method", "direct", "--require-approval", "never")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of the command line, with the account before and after it, and MySQL's tables and users afterwards."""

    assembly: Assembly
    code: int
    said: str = field(repr=False)
    before: Seen = field(repr=False)
    after: Seen = field(repr=False)
    tables: set[str]
    users: set[str]

    @property
    def failure(self) -> str:
        """The lines of the output that tell why it failed; empty if it succeeded."""
        told = [line for line in self.said.splitlines() if "_FAILED" in line or line.startswith(("❌", "‣"))]
        return "\n".join(told or [self.said]) if self.code else ""

    def changed(self, stack: str) -> list[tuple[str, str]]:
        """Status and type of each event of the step, in order, without those of the stack itself."""
        known = {it["EventId"] for it in self.before.events.get(stack, [])}
        new = [it for it in self.after.events[stack] if it["EventId"] not in known]
        return [(it["ResourceStatus"], it["ResourceType"]) for it in new if it["LogicalResourceId"] != it["StackName"]]


@dataclass(kw_only=True)
class Deployments:
    """Each step runs once, after the one before it."""

    aws: Aws
    environment: Mapping[str, str]
    checkout: Checkout
    engine: Engine
    #: says what cannot be created
    faults: Path

    @cached_property
    def difference(self) -> str:
        """What `diff` prints before anything is deployed; the command line runs the app of cdk.json for it."""
        self._bootstrap()
        done = self._cdk("diff")
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    @cached_property
    def broken(self) -> Step:
        """The stage's first deployment, as `make deploy` begins it, whose brokers cannot be created."""
        _ = self.difference
        self.faults.write_text("AWS::MSK::Cluster")
        return self._deploy(self._assembly(first=True))

    @cached_property
    def first(self) -> Step:
        """Again; cdk.json's dev has nothing to protect, so that the command line runs once."""
        _ = self.broken
        return self._deploy(self._to_begin_with)

    def _bootstrap(self) -> None:
        if lines := [*missing(self._to_begin_with.resources())]:
            raise AssertionError("\n".join(lines))
        done = self._cdk("bootstrap", "--", "--app", str(self._to_begin_with.out))
        if done.returncode:
            raise AssertionError(done.stdout)

    @cached_property
    def _to_begin_with(self) -> Assembly:
        return self._assembly()

    @cached_property
    def unchanged(self) -> Step:
        return self._deploy(_succeeded(self.first).assembly)

    @cached_property
    def updated(self) -> Step:
        _succeeded(self.unchanged)
        return self._deploy(self._assembly(SETTING))

    @cached_property
    def failed(self) -> Step:
        _succeeded(self.updated)
        self.checkout.next_version(FAILS)
        return self._deploy(self._assembly(SETTING))

    @cached_property
    def mended(self) -> Step:
        _ = self.failed
        self.checkout.next_version(ADDS_A_TABLE)
        return self._deploy(self._assembly(SETTING))

    @cached_property
    def destroyed(self) -> Step:
        return self._step(_succeeded(self.mended).assembly, "destroy", "--confirm", STAGE, "--")

    @cached_property
    def restored(self) -> Step:
        """From what the stage left; the MySQL that stands in for RDS still has what a snapshot would bring."""
        (snapshot,) = _succeeded(self.destroyed).after.snapshots
        with self.engine.begin() as connection:
            connection.execute(text(OPEN_IN_THE_BACKUP), {"an_hour_ago": datetime.now(UTC) - timedelta(hours=1)})
        return self._deploy(self._assembly(_restoring(snapshot)))

    def _assembly(self, over: Mapping[str, Any] | None = None, *, first: bool = False) -> Assembly:
        return self.checkout.assembly(STAGE, {**_STAGE, **(over or {})}, first=first)

    def _deploy(self, assembly: Assembly) -> Step:
        return self._step(assembly, "deploy", "--", *_UNATTENDED)

    def _step(self, assembly: Assembly, *arguments: str) -> Step:
        before = seen(self.aws)
        done = self._cdk(*arguments, "--app", str(assembly.out))
        return Step(
            assembly=assembly,
            code=done.returncode,
            said=done.stdout,
            before=before,
            after=seen(self.aws),
            tables=_found(self.engine, _TABLES),
            users=_found(self.engine, _USERS),
        )

    def _cdk(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cdk.deployments.command_line", verb, "--stage", STAGE, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )


def _restoring(snapshot: str) -> Mapping[str, Any]:
    """With brokers elsewhere, as a team may have them."""
    just_now = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    from_snapshot = {"new": {"snapshot_arn": f"{SNAPSHOTS}{snapshot}"}, "name": DATABASE, "hold_open_before": just_now}
    return {"database": from_snapshot, "kafka": BROKERS}


def _succeeded(step: Step) -> Step:
    """The step, if it succeeded."""
    if step.code:
        raise AssertionError(step.failure)
    return step


@contextmanager
def deployments(state: Path, mysql: MySqlServer) -> Iterator[Deployments]:
    """In an empty account, with this MySQL as its RDS, and without Node on the PATH."""
    faults = state / "faults"
    faults.touch()
    with MonkeyPatch.context() as patch, _without_database(mysql) as engine:
        patch.setenv(LOGIN, json.dumps(_login(mysql)))
        patch.setenv(FAULTS, str(faults))
        with aws_server(state, program="local.account.server") as aws:
            endpoint = aws.endpoint_url.replace("127.0.0.1", "localhost")  # the CLI puts buckets before a name only
            environment = {**os.environ, **aws.environment, "AWS_ENDPOINT_URL": endpoint, "PATH": "/bin"}
            yield Deployments(
                aws=aws, environment=environment, checkout=checkout(state / "checkout"), engine=engine, faults=faults
            )


def _login(mysql: MySqlServer) -> Mapping[str, object]:
    address = address_of(mysql.url)
    return {"username": address.user, "password": address.password, "host": address.host, "port": address.port}


@contextmanager
def _without_database(mysql: MySqlServer) -> Iterator[Engine]:
    """Drops it before and afterwards, since the server may be shared."""
    engine = create_engine(mysql.with_database("mysql"), poolclass=NullPool)
    _drop(engine)
    try:
        yield engine
    finally:
        _drop(engine)


def _drop(engine: Engine) -> None:
    users = _found(engine, _USERS)
    with engine.begin() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {DATABASE}"))
        for user in users:
            connection.execute(text(f"DROP USER `{user}`@`%`"))


def _found(engine: Engine, statement: str) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text(statement), {"name": DATABASE}).scalars())
