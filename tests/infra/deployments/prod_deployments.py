"""Deploys prod by what `make deploy` runs, in a checkout of its own, whose app the command line starts itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from local.servers.aws import ACCOUNT, REGION
from local.servers.mysql import MySqlServer
from tests.infra.account.backup import open_in_the_backup, restoring
from tests.infra.account.checkout import Checkout, checkout
from tests.infra.account.steps import UNATTENDED, Account, Step, empty_account
from tests.infra.templates import BROKERS

STAGE = "prod"
DATABASE = "test_prod_deployment"
#: functions leave the subnets without a way out, and the endpoints that they called go
CHANGE: Mapping[str, Any] = {"network": {"endpoints": False}, "send": {"max_concurrency": 7}}
_BROKERS = {**BROKERS, "auth_secret_arn": BROKERS["auth_secret_arn"].replace("eu-west-1", REGION)}


@dataclass(kw_only=True)
class ProdDeployments:
    """Each step runs once, after the one before it."""

    account: Account
    checkout: Checkout

    @cached_property
    def broken(self) -> Step:
        """Kafka cannot be made."""
        self._bootstrap()
        self.account.faults.write_text("AWS::MSK::Cluster")
        return self._deploy({})

    @cached_property
    def first(self) -> Step:
        _ = self.broken
        return self._deploy({})

    @cached_property
    def changed(self) -> Step:
        self.first.succeeded()
        return self._deploy(CHANGE)

    @cached_property
    def held(self) -> Step:
        """Somebody destroys it while it is protected."""
        self.changed.succeeded()
        return self._destroy()

    @cached_property
    def destroyed(self) -> Step:
        """After both protections were lifted by hand, as docs/operations.md says."""
        _ = self.held
        client = self._client("rds")
        for it in client.describe_db_instances()["DBInstances"]:
            client.modify_db_instance(DBInstanceIdentifier=it["DBInstanceIdentifier"], DeletionProtection=False)
        told = {"StackName": f"hongyan-{STAGE}-data", "EnableTerminationProtection": False}
        self._client("cloudformation").update_termination_protection(**told)
        return self._destroy()

    @cached_property
    def restored(self) -> Step:
        """From what it left, with brokers elsewhere, as a team may have them."""
        before = self.destroyed.succeeded()
        (snapshot,) = before.after.snapshots
        open_in_the_backup(self.account.engine, DATABASE)
        database = restoring(snapshot, DATABASE, region=REGION)
        return self._deploy({"database": database, "kafka": _BROKERS, "data_key_arn": self.data_key})

    @cached_property
    def data_key(self) -> str:
        """Of the stage that was destroyed."""
        return self.first.after.output("delivery", "DataKeyArn")

    def _bootstrap(self) -> None:
        self.checkout.settle(STAGE, {})
        done = self.account.run(
            "bootstrap", "--stage", STAGE, "--", f"aws://{ACCOUNT}/{REGION}", cwd=self.checkout.root
        )
        if done.returncode:
            raise AssertionError(done.stdout)

    def _deploy(self, over: Mapping[str, Any]) -> Step:
        self.checkout.settle(STAGE, {"database": {"name": DATABASE}, **over})
        return self.account.step("deploy", "--stage", STAGE, "--", *UNATTENDED, cwd=self.checkout.root)

    def _destroy(self) -> Step:
        """By the assembly that the last deployment left: only the names of its stacks count."""
        ours = ("destroy", "--stage", STAGE, "--confirm", STAGE)
        return self.account.step(*ours, "--", "--app", "cdk.out", cwd=self.checkout.root)

    def _client(self, service: str) -> Any:
        session: Any = self.account.aws.session
        return session.client(service, endpoint_url=self.account.aws.endpoint_url)


@contextmanager
def prod_deployments(state: Path, mysql: MySqlServer) -> Iterator[ProdDeployments]:
    with empty_account(state, mysql, DATABASE) as account:
        made = checkout(state / "checkout")
        made.without_third_party_packages()
        yield ProdDeployments(account=account, checkout=made)
