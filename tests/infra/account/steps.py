"""Runs the CDK's command line against a server of AWS's APIs, and keeps what the account was like around each run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pytest import MonkeyPatch  # noqa: PT013 - its own way to put the environment back
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from delivery.storage.mysql.database import address_of
from local.account.faults import FAULTS
from local.account.resources.data import LOGIN
from local.servers.aws import Aws, aws_server
from local.servers.mysql import MySqlServer
from tests.infra.account.seen import Seen, seen

#: moto lets every change set succeed, and nobody is here to answer
UNATTENDED = ("--method", "direct", "--require-approval", "never")
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = :name"
_USERS = "SELECT user FROM mysql.user WHERE LEFT(user, LENGTH(:name)) = :name"
#: for machines that are busy with something else
_PATIENCE_SECONDS = 1_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of the command line, with the account before and after it, and MySQL's tables and users afterwards."""

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

    def succeeded(self) -> "Step":
        if self.code:
            raise AssertionError(self.failure)
        return self


@dataclass(frozen=True, kw_only=True)
class Account:
    aws: Aws
    environment: Mapping[str, str]
    #: of the MySQL that stands in for RDS, where the stage's database has this name
    engine: Engine
    database: str
    #: says what cannot be created
    faults: Path

    def step(self, *arguments: str, cwd: Path) -> Step:
        before = seen(self.aws)
        done = self.run(*arguments, cwd=cwd)
        return Step(
            code=done.returncode,
            said=done.stdout,
            before=before,
            after=seen(self.aws),
            tables=_found(self.engine, _TABLES, self.database),
            users=_found(self.engine, _USERS, self.database),
        )

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """The command line of the checkout in `cwd`."""
        return subprocess.run(
            [sys.executable, "-m", "cdk.deployments.command_line", *arguments],
            cwd=cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )


@contextmanager
def empty_account(state: Path, mysql: MySqlServer, database: str) -> Iterator[Account]:
    """With this MySQL as its RDS, and without Node on the PATH."""
    faults = state / "faults"
    faults.touch()
    with MonkeyPatch.context() as patch, _without(database, mysql) as engine:
        patch.setenv(LOGIN, json.dumps(_login(mysql)))
        patch.setenv(FAULTS, str(faults))
        with aws_server(state, program="local.account.server") as aws:
            endpoint = aws.endpoint_url.replace("127.0.0.1", "localhost")  # the CLI puts buckets before a name only
            environment = {**os.environ, **aws.environment, "AWS_ENDPOINT_URL": endpoint, "PATH": "/bin"}
            yield Account(aws=aws, environment=environment, engine=engine, database=database, faults=faults)


def _login(mysql: MySqlServer) -> Mapping[str, object]:
    address = address_of(mysql.url)
    return {"username": address.user, "password": address.password, "host": address.host, "port": address.port}


@contextmanager
def _without(database: str, mysql: MySqlServer) -> Iterator[Engine]:
    """Drops it before and afterwards, since the server may be shared."""
    engine = create_engine(mysql.with_database("mysql"), poolclass=NullPool)
    _drop(engine, database)
    try:
        yield engine
    finally:
        _drop(engine, database)


def _drop(engine: Engine, database: str) -> None:
    users = _found(engine, _USERS, database)
    with engine.begin() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {database}"))
        for user in users:
            connection.execute(text(f"DROP USER `{user}`@`%`"))


def _found(engine: Engine, statement: str, database: str) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(text(statement), {"name": database}).scalars())
