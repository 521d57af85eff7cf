"""Deploys dev step by step with the real command line, from assemblies that a changed checkout made."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from cdk.settings.context import ROOT
from local.account.gaps import missing
from local.servers.mysql import MySqlServer
from tests.infra.account.backup import open_in_the_backup, restoring
from tests.infra.account.checkout import Assembly, Checkout, checkout
from tests.infra.account.steps import UNATTENDED, Account, Step, empty_account
from tests.infra.templates import BROKERS

STAGE = "dev"
DATABASE = "test_deployment"
SETTING: Mapping[str, Any] = {"send": {"max_concurrency": 7}}
FAILS = "ALTER TABLE no_such_table ADD COLUMN x int"
ADDS_A_TABLE = "CREATE TABLE added (id int PRIMARY KEY)"
_STAGE: Mapping[str, Any] = {"database": {"name": DATABASE}, "removal_policy": "retain"}


@dataclass(kw_only=True)
class Deployments:
    """Each step runs once, after the one before it."""

    account: Account
    checkout: Checkout

    @property
    def engine(self) -> Engine:
        return self.account.engine

    @cached_property
    def difference(self) -> str:
        """What `diff` prints before anything is deployed; the command line runs the app of cdk.json for it."""
        self._bootstrap()
        done = self.account.run("diff", "--stage", STAGE, cwd=ROOT)
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    @cached_property
    def broken(self) -> Step:
        """The stage's first deployment, as `make deploy` begins it, whose brokers cannot be created."""
        _ = self.difference
        self.account.faults.write_text("AWS::MSK::Cluster")
        return self._deploy(self._assembly(first=True))

    @cached_property
    def first(self) -> Step:
        """Again; cdk.json's dev has nothing to protect, so that the command line runs once."""
        _ = self.broken
        return self._deploy(self.to_begin_with)

    def _bootstrap(self) -> None:
        if lines := [*missing(self.to_begin_with.resources())]:
            raise AssertionError("\n".join(lines))
        done = self.account.run("bootstrap", "--stage", STAGE, "--", "--app", str(self.to_begin_with.out), cwd=ROOT)
        if done.returncode:
            raise AssertionError(done.stdout)

    @cached_property
    def to_begin_with(self) -> Assembly:
        return self._assembly()

    @cached_property
    def unchanged(self) -> Step:
        self.first.succeeded()
        return self._deploy(self.to_begin_with)

    @cached_property
    def _with_the_setting(self) -> Assembly:
        return self._assembly(SETTING)

    @cached_property
    def updated(self) -> Step:
        self.unchanged.succeeded()
        return self._deploy(self._with_the_setting)

    @cached_property
    def failed(self) -> Step:
        self.updated.succeeded()
        self.checkout.next_version(FAILS)
        return self._deploy(self._assembly(SETTING))

    @cached_property
    def mended(self) -> Step:
        _ = self.failed
        self.checkout.next_version(ADDS_A_TABLE)
        return self._deploy(self._assembly(SETTING))

    @cached_property
    def destroyed(self) -> Step:
        self.mended.succeeded()
        return self._step(self._with_the_setting, "destroy", "--confirm", STAGE)

    @cached_property
    def restored(self) -> Step:
        """From what the stage left, with brokers elsewhere, as a team may have them."""
        (snapshot,) = self.destroyed.succeeded().after.snapshots
        open_in_the_backup(self.engine, DATABASE)
        database = restoring(snapshot, DATABASE, region="eu-west-1")  # where the brokers' secret is
        return self._deploy(self._assembly({"database": database, "kafka": BROKERS}))

    def _assembly(self, over: Mapping[str, Any] | None = None, *, first: bool = False) -> Assembly:
        return self.checkout.assembly(STAGE, {**_STAGE, **(over or {})}, first=first)

    def _deploy(self, assembly: Assembly) -> Step:
        return self._step(assembly, "deploy", theirs=UNATTENDED)

    def _step(self, assembly: Assembly, verb: str, *ours: str, theirs: tuple[str, ...] = ()) -> Step:
        passed = ("--", *theirs, "--app", str(assembly.out))
        return self.account.step(verb, "--stage", STAGE, *ours, *passed, cwd=ROOT)


@contextmanager
def deployments(state: Path, mysql: MySqlServer) -> Iterator[Deployments]:
    with empty_account(state, mysql, DATABASE) as account:
        yield Deployments(account=account, checkout=checkout(state / "checkout"))
