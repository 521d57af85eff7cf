"""The data stack: there when a stage asks for a VPC or a MySQL, tied to the stack that delivers, and kept in prod."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from cdk.assembly import stage_app
from cdk.settings.context import merged, own_context
from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, DEPLOYED, MYSQL, NO_VPC, RDS, VPC, environment, stands_in, tagged, told
from tests.infra.test_checks import CDK_S_OWN

NEW_VPC: Mapping[str, Any] = {"new": True, "endpoints": False}
NEW_MYSQL: Mapping[str, Any] = {"new": {}}
COMBINATIONS = [
    pytest.param(NO_VPC, MYSQL, set(), id="nothing-new"),
    pytest.param(VPC, MYSQL, set(), id="all-existing"),
    pytest.param(VPC, RDS, set(), id="existing-rds"),
    pytest.param(NEW_VPC, MYSQL, {"AWS::EC2::VPC"}, id="new-vpc"),
    pytest.param({"new": True, "endpoints": True}, MYSQL, {"AWS::EC2::VPC"}, id="new-vpc-with-endpoints"),
    pytest.param(VPC, NEW_MYSQL, {"AWS::RDS::DBInstance"}, id="new-mysql"),
    pytest.param(NEW_VPC, NEW_MYSQL, {"AWS::EC2::VPC", "AWS::RDS::DBInstance"}, id="all-new"),
    pytest.param(NEW_VPC, {"new": {"proxy": True}}, {"AWS::EC2::VPC", "AWS::RDS::DBInstance"}, id="with-a-proxy"),
    pytest.param(
        {"new": True, "endpoints": True},
        {"new": {"proxy": True}},
        {"AWS::EC2::VPC", "AWS::RDS::DBInstance"},
        id="with-endpoints-and-a-proxy",
    ),
]


@pytest.mark.parametrize(("network", "database", "made"), COMBINATIONS)
def test_there_is_a_data_stack_when_something_is_new(
    network: Mapping[str, Any], database: Mapping[str, Any], made: set[str], both: Stacks
) -> None:
    """It makes what was asked for, and no empty stack stands beside the one that delivers."""
    stacks = both("prod", {"network": network, "database": database, "kafka": BROKERS})
    assert set(stacks) == ({"data", "delivery"} if made else {"delivery"})
    kinds = {it["Type"] for it in stacks["data"].body["Resources"].values()} if made else set()
    assert kinds & {"AWS::EC2::VPC", "AWS::RDS::DBInstance"} == made
    assert not stacks["delivery"].all("AWS::EC2::VPC") + stacks["delivery"].all("AWS::RDS::DBInstance")


@pytest.mark.parametrize(("network", "database", "made"), COMBINATIONS)
def test_cdk_nag_finds_nothing_in_any_of_them(
    network: Mapping[str, Any], database: Mapping[str, Any], made: set[str], tmp_path: Path
) -> None:
    """Neither do the CDK's own checks, nor is there a circle between the stacks."""
    over = {"network": network, "database": database, "kafka": BROKERS}
    changes = {"stage": "dev", "stages": {"dev": over}, "aws:cdk:bundling-stacks": []}
    app = stage_app(merged(own_context(), changes), out=tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stacks = {stack.stack_name: stack for stack in app.synth().stacks}
    before = [it.id for it in stacks["hongyan-dev-delivery"].dependencies]
    assert ("hongyan-dev-data" in before) is bool(made)


@pytest.mark.parametrize(("network", "database", "made"), COMBINATIONS)
def test_cfn_lint_finds_nothing_in_any_of_them(
    network: Mapping[str, Any], database: Mapping[str, Any], made: set[str], both: Stacks
) -> None:
    """In either stack."""
    for template in both("prod", {"network": network, "database": database, "kafka": BROKERS}).values():
        findings = lint(json.dumps(template.body), config=ManualArgs(ignore_checks=CDK_S_OWN, regions=["eu-west-1"]))
        assert [str(finding) for finding in findings] == []


def test_functions_stand_in_the_new_vpc_s_private_subnets_and_find_the_new_mysql(both: Stacks) -> None:
    """By what the data stack tells; a function elsewhere would never reach MySQL."""
    data, delivery = both("dev")["data"], both("dev")["delivery"]
    for word in DEPLOYED:
        subnets = stands_in(word, both("dev"), "SubnetIds")
        assert [tagged(it, "aws-cdk:subnet-type") for it in subnets] == ["Private", "Private"]
        function = delivery.function(word)
        assert data.kind_of(told(data, environment(function)["DATABASE_HOST"])) == "AWS::RDS::DBInstance"


def test_prod_s_data_outlives_a_slip_of_the_hand(both: Stacks) -> None:
    """Deleting is refused, and what is deleted nevertheless leaves a snapshot and the key that opens it."""
    data = both("prod")["data"]
    resources = data.body["Resources"].values()
    policies = {it["Type"]: it.get("DeletionPolicy") for it in resources if it["Type"] == "AWS::RDS::DBInstance"}
    assert policies == {"AWS::RDS::DBInstance": "Snapshot"}
    instance = data.one("AWS::RDS::DBInstance")
    assert (instance["DeletionProtection"], instance["MultiAZ"]) == (True, True)
    (key,) = [it for it in resources if it.get("Properties") == data.named(instance["KmsKeyId"])]
    assert key["DeletionPolicy"] == "Retain"


def test_dev_s_database_goes_with_its_stack(both: Stacks) -> None:
    """A development stage comes and goes, and leaves no bill behind: no snapshot, and no key."""
    resources = both("dev")["data"].body["Resources"].values()
    (instance,) = [it for it in resources if it["Type"] == "AWS::RDS::DBInstance"]
    assert instance["Properties"]["DeletionProtection"] is False
    assert {it.get("DeletionPolicy", "Delete") for it in resources} == {"Delete"}


def test_whether_a_stage_s_data_is_kept_is_its_own_setting(both: Stacks) -> None:
    """A development stage may have rows that somebody would miss."""
    kept = both("dev", {"removal_policy": "retain"})["data"].body["Resources"].values()
    assert [it["DeletionPolicy"] for it in kept if it["Type"] == "AWS::RDS::DBInstance"] == ["Snapshot"]


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_prod_s_data_stack_cannot_be_deleted_by_one_command(stage: str, tmp_path: Path) -> None:
    """CloudFormation itself refuses."""
    app = stage_app({**own_context(), "stage": stage, "aws:cdk:bundling-stacks": []}, out=tmp_path)
    stacks = {stack.stack_name: stack for stack in app.synth().stacks}
    assert bool(stacks[f"hongyan-{stage}-data"].termination_protection) is (stage == "prod")
