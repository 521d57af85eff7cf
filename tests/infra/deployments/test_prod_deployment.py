"""`make deploy STAGE=prod` for real: its two passes and two rounds, its protections, its end and its return.

The pinned command line runs the app itself, as it does on AWS, and deploys into a server of AWS's APIs. What prod has
in common with dev is in test_deployment.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from cdk.settings.context import ROOT
from delivery.storage.tables import metadata
from local.servers.mysql import mysql_server
from tests.infra.account.backup import records
from tests.infra.account.seen import Seen
from tests.infra.deployments.prod_deployments import DATABASE, ProdDeployments, prod_deployments
from tests.infra.templates import environment

SECOND_PASS = "hongyan: stage prod is deployed; a second pass adds what protects its data"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProdDeployments]:
    state = tmp_path_factory.mktemp("prod")
    with (
        mysql_server(state / "mysql", cache=ROOT / ".local" / "cache") as mysql,
        prod_deployments(state, mysql) as made,
    ):
        yield made


def protections(account: Seen) -> list[bool]:
    """Of the data stack, and of each MySQL."""
    databases = [bool(it["DeletionProtection"]) for it in account.databases]
    return [bool(account.stacks["data"]["EnableTerminationProtection"]), *databases]


def moments(account: Seen, stack: str, status: str, kind: str) -> list[Any]:
    """When resources of a type reached a state."""
    events = account.events[stack]
    return [it["Timestamp"] for it in events if (it["ResourceStatus"], it["ResourceType"]) == (status, kind)]


def test_a_first_pass_that_fails_protects_nothing_and_ends_there(stage: ProdDeployments) -> None:
    """MySQL, its key and the network stood already."""
    assert stage.broken.code == 1
    assert "this creation was told to fail" in stage.broken.failure
    assert SECOND_PASS not in stage.broken.said
    left = stage.broken.after
    assert left.stacks["data"]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not left.stacks["data"]["EnableTerminationProtection"]
    assert not [*left.databases, *left.snapshots, *left.clusters, *left.secrets, *left.log_groups, *left.vpcs]


def test_the_same_command_makes_the_stage_in_a_first_pass_and_protects_it_in_a_second(stage: ProdDeployments) -> None:
    """The second changes MySQL alone, and replaces nothing."""
    assert stage.first.failure == ""
    assert stage.first.said.count(SECOND_PASS) == 1
    assert protections(stage.first.after) == [True, True]
    assert stage.first.after.stacks["delivery"]["StackStatus"] == "CREATE_COMPLETE"
    changed = stage.first.changed("data")
    assert [it for it in changed if it[0] != "CREATE_COMPLETE"] == [("UPDATE_COMPLETE", "AWS::RDS::DBInstance")]
    assert {status for status, _ in stage.first.changed("delivery")} == {"CREATE_COMPLETE"}
    assert stage.first.tables == {*metadata.tables, "alembic_version"}


def test_what_functions_still_use_goes_in_a_second_round_after_they_have_moved(stage: ProdDeployments) -> None:
    """Endpoints, which only functions in subnets without a way out need."""
    step = stage.changed
    assert step.failure == ""
    assert "two rounds: functions that run use what the data stack would remove" in step.said
    assert "the second round removes what was kept" in step.said
    moved = moments(step.after, "delivery", "UPDATE_COMPLETE", "AWS::Lambda::Function")
    gone = moments(step.after, "data", "DELETE_COMPLETE", "AWS::EC2::VPCEndpoint")
    assert max(moved) < min(gone)
    assert protections(step.after) == [True, True]
    assert 7 in [it["ScalingConfig"]["MaximumConcurrency"] for it in step.after.sources]


def test_what_is_protected_outlives_a_destroy_which_says_how_to_lift_that(stage: ProdDeployments) -> None:
    """The delivery stack goes first: CloudFormation deletes nothing whose exports are in use."""
    step = stage.held
    assert step.code == 1
    assert "termination protection holds hongyan-prod-data" in step.said
    assert "--no-enable-termination-protection" in step.said
    assert "database.new.deletion_protection false" in step.said
    assert [*step.after.stacks] == ["data"]
    assert step.after.databases == step.before.databases
    assert protections(step.after) == [True, True]


def test_once_lifted_it_goes_and_leaves_a_snapshot_kafka_and_the_keys_to_open_them(stage: ProdDeployments) -> None:
    step = stage.destroyed
    assert step.failure == ""
    left, before = step.after, stage.changed.after
    assert not [*left.stacks, *left.functions, *left.queues, *left.alarms, *left.vpcs, *left.databases, *left.secrets]
    (mysql,), (kafka,) = before.databases, before.clusters
    assert (left.clusters, left.snapshots) == ([kafka], [f"{mysql['DBInstanceIdentifier']}-final"])
    of_kafka = kafka["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]
    assert {key["Arn"] for key in left.keys if key["Enabled"]} == {mysql["KmsKeyId"], of_kafka, stage.data_key}


def test_it_is_made_again_from_its_snapshot_with_its_data_key_in_two_passes(stage: ProdDeployments) -> None:
    """Stored webhooks stay readable, what was open is held, and the protections are there again."""
    step = stage.restored
    assert step.failure == ""
    assert step.said.count(SECOND_PASS) == 1
    assert protections(step.after) == [True, True]
    (mysql,), (old,) = step.after.databases, stage.changed.after.databases
    assert (mysql["KmsKeyId"], mysql["DBName"]) == (old["KmsKeyId"], old["DBName"])
    assert step.after.output("delivery", "DataKeyArn") == stage.data_key
    assert environment(step.after.function("send"))["DATA_KEY_ARN"] == stage.data_key
    assert records(stage.account.engine, DATABASE) == [("dead", "held_after_restore")]
