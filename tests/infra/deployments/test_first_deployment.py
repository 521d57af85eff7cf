"""A first deployment fails at one resource after the other, and the same templates are deployed until they stand.

The stacks go into a server of AWS's APIs whose rules of rollback are those of CloudFormation
(local/account/cloudformation.py); it is asked for what the CDK's command line asks for. The command line itself repeats
a failed deployment in test_deployment.py.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.account.faults import FAULTS
from local.account.resources.data import LOGIN
from local.servers.aws import Aws, aws_server
from tests.infra.account.published import publish_nothing
from tests.infra.account.seen import Seen, seen
from tests.infra.conftest import Stacks
from tests.infra.templates import Template

DATA, DELIVERY = "hongyan-prod-data", "hongyan-prod-delivery"
DATA_OF_DEV = "hongyan-dev-data"
KEPT = ("Retain", "RetainExceptOnCreate", "Snapshot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    aws: Aws
    #: as `make deploy` has it made at first, and afterwards
    first: Mapping[str, Template]
    later: Mapping[str, Template]
    faults: Path

    def deploy(self, stack: str, template: Mapping[str, Any], *, fails_at: str = "", protected: bool = False) -> Seen:
        """As the command line does: what failed is removed before another stack of its name is created."""
        self.faults.write_text(fails_at)
        cloudformation, status = self.cloudformation, self.status(stack)
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
            cloudformation.delete_stack(StackName=stack)
        told = {"StackName": stack, "TemplateBody": json.dumps(template)}
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            cloudformation.update_stack(**told)
        else:
            cloudformation.create_stack(**told, EnableTerminationProtection=protected)
        assert self.faults.read_text() == ""
        return seen(self.aws)

    @property
    def cloudformation(self) -> Any:
        """On a busy machine a creation takes longer than the client would wait before it asks for another."""
        once = Config(read_timeout=900, retries={"total_max_attempts": 1})
        return self.aws.session.client("cloudformation", endpoint_url=self.aws.endpoint_url, config=once)

    def status(self, stack: str) -> str:
        stacks = self.cloudformation.describe_stacks()["Stacks"]
        return next((str(it["StackStatus"]) for it in stacks if it["StackName"] == stack), "")


@pytest.fixture(scope="module")
def account(both: Stacks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    state = tmp_path_factory.mktemp("account")
    first, later = both("prod", first=True), both("prod")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOGIN, json.dumps({"username": "hongyan", "password": "generated"}))
        patch.setenv(FAULTS, str(state / "faults"))
        (state / "faults").touch()
        with aws_server(state, program="local.account.server") as aws:
            for template in first.values():
                publish_nothing(template, aws)
            yield Account(aws=aws, first=first, later=later, faults=state / "faults")


def left(account: Seen) -> list[object]:
    """What has a state or a name, and what costs by the month."""
    keys = [key for key in account.keys if key["Enabled"]]
    named = [*account.clusters, *account.databases, *account.secrets, *account.log_groups, *account.snapshots]
    return [*keys, *named, *account.vpcs, *account.queues, *account.alarms]


def stateful(template: Template) -> list[str]:
    """The logical ids of what stays when its stack goes, and of the rest that has a state or makes what has one."""
    kinds = ("KMS::Key", "SecretsManager", "Logs::LogGroup", "RDS", "MSK", "ApplicationAutoScaling", "SQS::Queue")
    resources = template.body["Resources"].items()
    return [
        name for name, it in resources if it.get("DeletionPolicy") in KEPT or any(kind in it["Type"] for kind in kinds)
    ]


def one_of_each_kind(template: Template) -> list[str]:
    return list({template.body["Resources"][name]["Type"]: name for name in stateful(template)}.values())


def test_each_stateful_resource_may_fail_and_leaves_nothing_behind_and_nothing_in_the_way(account: Account) -> None:
    """In turn, in one account: each creation has the names of the one before it."""
    template = account.first["data"].body
    for name in (names := stateful(account.first["data"])):
        after = account.deploy(DATA, template, fails_at=name)
        assert (name, account.status(DATA), left(after)) == (name, "ROLLBACK_COMPLETE", [])
    assert len(names) > 15


def test_so_may_each_kind_of_them_in_a_stage_that_protects_nothing(account: Account, both: Stacks) -> None:
    """dev keeps nothing when it goes, and has other policies."""
    publish_nothing(template := both("dev", first=True)["data"], account.aws)
    for name in (names := one_of_each_kind(template)):
        after = account.deploy(DATA_OF_DEV, template.body, fails_at=name)
        assert (name, account.status(DATA_OF_DEV), left(after)) == (name, "ROLLBACK_COMPLETE", [])
    assert len(names) > 7


def test_a_creation_that_is_protected_cannot_be_repeated(account: Account) -> None:
    """So the model knows what `make deploy` avoids: neither protection is there before the stack works."""
    template = account.later["data"].body
    after = account.deploy(DATA, template, fails_at="AWS::MSK::Cluster", protected=True)
    assert account.status(DATA) == "ROLLBACK_FAILED"
    assert [it["DeletionProtection"] for it in after.databases] == [True]
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        account.deploy(DATA, template)
    lift(account, after)


def lift(account: Account, after: Seen) -> None:
    """By hand, as docs/operations.md says."""
    rds = account.aws.session.client("rds", endpoint_url=account.aws.endpoint_url)
    for it in after.databases:
        rds.modify_db_instance(DBInstanceIdentifier=it["DBInstanceIdentifier"], DeletionProtection=False)
    account.cloudformation.update_termination_protection(StackName=DATA, EnableTerminationProtection=False)


def test_what_stands_is_protected_by_an_update_that_replaces_nothing(account: Account) -> None:
    """A snapshot, its backups and its key outlive the instance from then on, and RDS refuses to delete it."""
    stands = account.deploy(DATA, account.first["data"].body)
    assert account.status(DATA) == "CREATE_COMPLETE"
    assert [it["DeletionProtection"] for it in stands.databases] == [False]
    before = len(stands.events["data"])
    protected = account.deploy(DATA, account.later["data"].body)
    changed = [it["ResourceType"] for it in protected.events["data"][before:] if it["LogicalResourceId"] != DATA]
    assert changed == ["AWS::RDS::DBInstance"]
    assert [it["DeletionProtection"] for it in protected.databases] == [True]


def test_a_stack_is_not_deleted_while_another_imports_what_it_exports(account: Account) -> None:
    """It keeps its state, and CloudFormation says why; so `make destroy` has to begin with the delivery stack."""
    made, queue = account.cloudformation, {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}
    exported = {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}, "Export": {"Name": "of-the-first"}}}
    imported = {"Name": {"Value": {"Fn::ImportValue": "of-the-first"}}}
    for name, outputs in (("first", exported), ("second", imported)):
        made.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": queue, "Outputs": outputs}))
    made.delete_stack(StackName="first")
    assert account.status("first") == "CREATE_COMPLETE"
    last = made.describe_stack_events(StackName="first")["StackEvents"][0]
    assert (
        last["ResourceStatusReason"] == "Delete canceled. Cannot delete export of-the-first as it is in use by second"
    )
    for name in ("second", "first"):
        made.delete_stack(StackName=name)
        assert account.status(name) == ""


def test_a_delivery_stack_that_fails_leaves_neither_its_data_key_nor_the_data_stack_in_another_state(
    account: Account,
) -> None:
    """In turn; the migration is the likeliest to fail, since it is the first to reach MySQL."""
    before, template = seen(account.aws), account.first["delivery"]
    for name in (names := [*one_of_each_kind(template), "Custom::Migrations"]):
        after = account.deploy(DELIVERY, template.body, fails_at=name)
        assert (name, account.status(DELIVERY)) == (name, "ROLLBACK_COMPLETE")
        for now, then in ((after.keys, before.keys), (after.log_groups, before.log_groups)):
            assert [it for it in now if it.get("Enabled", True)] == [it for it in then if it.get("Enabled", True)]
        assert not [*after.queues, *after.alarms, *after.sources]
    assert len(names) > 3


def test_a_deleted_stack_can_still_be_described_and_exports_nothing(account: Account) -> None:
    """By its id, as the command line does after `destroy`; nothing of it is made again to answer."""
    lift(account, seen(account.aws))
    (stack,) = account.cloudformation.describe_stacks(StackName=DATA)["Stacks"]
    assert stack["Outputs"]
    assert account.cloudformation.list_exports()["Exports"]
    account.cloudformation.delete_stack(StackName=DATA)
    before = left(seen(account.aws))
    (stack,) = account.cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"]
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert account.cloudformation.list_exports()["Exports"] == []
    assert left(seen(account.aws)) == before


@pytest.mark.parametrize("word", ["data", "delivery"])
def test_what_may_outlive_its_stack_has_no_name_that_another_stack_would_take(word: str, both: Stacks) -> None:
    """Retained after a `destroy`, they would be in the way of the next deployment. Nothing is kept before it works."""
    for stacks in (both("prod", first=True), both("prod")):
        for name, it in stacks[word].body["Resources"].items():
            kept, named = it.get("DeletionPolicy") in KEPT, physical_names(it["Properties"])
            assert it.get("DeletionPolicy") != "Retain", name
            assert not kept or all("AWS::StackId" in json.dumps(given) for given in named), name


def physical_names(properties: Mapping[str, Any]) -> list[object]:
    return [properties[key] for key in ("ClusterName", "DBInstanceIdentifier", "Name") if key in properties]
