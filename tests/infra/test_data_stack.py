"""The data stack: there when a stage asks for a VPC or a MySQL, tied to the stack that delivers, and kept in prod."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks

from cdk.assembly import stage_app
from cdk.context import own_context
from cdk.reading import merged
from tests.infra.conftest import Stacks
from tests.infra.templates import DEPLOYED, MYSQL, NO_VPC, VPC, Template, environment

NEW_VPC: Mapping[str, Any] = {"new": True}
NEW_MYSQL: Mapping[str, Any] = {"new": {}}
COMBINATIONS = [
    pytest.param(NO_VPC, MYSQL, set(), id="nothing-new"),
    pytest.param(VPC, MYSQL, set(), id="all-existing"),
    pytest.param(NEW_VPC, MYSQL, {"AWS::EC2::VPC"}, id="new-vpc"),
    pytest.param(VPC, NEW_MYSQL, {"AWS::RDS::DBInstance"}, id="new-mysql"),
    pytest.param(NEW_VPC, NEW_MYSQL, {"AWS::EC2::VPC", "AWS::RDS::DBInstance"}, id="all-new"),
]


@pytest.mark.parametrize(("network", "database", "made"), COMBINATIONS)
def test_there_is_a_data_stack_when_something_is_new(
    network: Mapping[str, Any], database: Mapping[str, Any], made: set[str], both: Stacks
) -> None:
    """It makes what was asked for, and no empty stack stands beside the one that delivers."""
    stacks = both("prod", {"network": network, "database": database})
    assert set(stacks) == ({"data", "delivery"} if made else {"delivery"})
    kinds = {it["Type"] for it in stacks["data"].body["Resources"].values()} if made else set()
    assert kinds & {"AWS::EC2::VPC", "AWS::RDS::DBInstance"} == made
    assert not stacks["delivery"].all("AWS::EC2::VPC") + stacks["delivery"].all("AWS::RDS::DBInstance")


@pytest.mark.parametrize(("network", "database", "made"), COMBINATIONS)
def test_cdk_nag_finds_nothing_in_any_of_them(
    network: Mapping[str, Any], database: Mapping[str, Any], made: set[str], tmp_path: Path
) -> None:
    """Neither do the CDK's own checks, nor is there a circle between the stacks."""
    over = {"network": network, "database": database}
    changes = {"stage": "dev", "stages": {"dev": over}, "aws:cdk:bundling-stacks": []}
    app = stage_app(merged(own_context(), changes), out=tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stacks = {stack.stack_name: stack for stack in app.synth().stacks}
    before = [it.id for it in stacks["hongyan-dev-delivery"].dependencies]
    assert ("hongyan-dev-data" in before) is bool(made)


def test_functions_stand_in_the_new_vpc_s_private_subnets_and_find_the_new_mysql(both: Stacks) -> None:
    """By what the data stack tells; a function elsewhere would never reach MySQL."""
    data, delivery = both("prod")["data"], both("prod")["delivery"]
    for function in map(delivery.function, DEPLOYED):
        subnets = [data.named(told(data, it)) for it in function["VpcConfig"]["SubnetIds"]]
        assert [tagged(it, "aws-cdk:subnet-type") for it in subnets] == ["Private", "Private"]
        secret = told(data, environment(function)["DATABASE_SECRET_ARN"])
        assert data.kind_of(secret) == "AWS::SecretsManager::SecretTargetAttachment"
        assert data.kind_of(told(data, environment(function)["DATABASE_HOST"])) == "AWS::RDS::DBInstance"


def told(data: Template, reference: Any) -> Any:
    """What the data stack gives for a reference of the stack that delivers."""
    return data.body["Outputs"][reference["Fn::GetStackOutput"]["OutputName"]]["Value"]


def tagged(resource: Mapping[str, Any], key: str) -> str:
    (value,) = [tag["Value"] for tag in resource["Tags"] if tag["Key"] == key]
    return str(value)


@pytest.mark.parametrize(("network", "groups"), [(NEW_VPC, 1), (VPC, 2)])
def test_only_the_functions_groups_come_in_to_mysql(network: Mapping[str, Any], groups: int, both: Stacks) -> None:
    """Once each: the same rule written twice fails at deployment."""
    data = both("prod", {"network": network})["data"] if network is NEW_VPC else existing_vpc(both)
    rules = data.all("AWS::EC2::SecurityGroupIngress")
    assert len({str(rule["SourceSecurityGroupId"]) for rule in rules}) == len(rules) == groups
    mysql = data.one("AWS::RDS::DBInstance")["VPCSecurityGroups"]
    assert all([rule["GroupId"]] == mysql for rule in rules)
    assert not any("SecurityGroupIngress" in data.named(group) for group in mysql)


def existing_vpc(both: Stacks) -> Template:
    return both("prod", {"network": VPC, "database": NEW_MYSQL})["data"]


def test_in_an_existing_vpc_mysql_stands_in_its_subnets(both: Stacks) -> None:
    """There are no others that a stage names."""
    assert existing_vpc(both).one("AWS::RDS::DBSubnetGroup")["SubnetIds"] == VPC["subnet_ids"]


def test_mysql_in_a_new_vpc_has_no_way_out(both: Stacks) -> None:
    """Its subnets have no route but the VPC's own, and it has no public address."""
    data = both("prod")["data"]
    subnets = [data.named(it) for it in data.one("AWS::RDS::DBSubnetGroup")["SubnetIds"]]
    assert [tagged(it, "aws-cdk:subnet-type") for it in subnets] == ["Isolated", "Isolated"]
    assert data.one("AWS::RDS::DBInstance")["PubliclyAccessible"] is False


def test_mysql_is_encrypted_speaks_tls_only_and_keeps_utc(both: Stacks) -> None:
    """Under a key that rotates; times in rows are naive UTC, and texts are Chinese with emoji."""
    data = both("dev")["data"]
    instance = data.one("AWS::RDS::DBInstance")
    assert instance["EngineVersion"] == "8.4.10"
    assert instance["StorageEncrypted"] is True
    assert data.named(instance["KmsKeyId"])["EnableKeyRotation"] is True
    parameters = data.one("AWS::RDS::DBParameterGroup")["Parameters"]
    assert (parameters["require_secure_transport"], parameters["time_zone"]) == ("1", "UTC")
    assert parameters["character_set_server"] == "utf8mb4"
    assert instance["EnableCloudwatchLogsExports"] == ["error", "slowquery"]


def test_the_password_is_generated_and_another_one_after_the_stage_s_days(both: Stacks) -> None:
    """It stands in no template, and rotation's function comes in as ours do."""
    data = both("dev", {"database": {"new": {"rotation_days": 9}}})["data"]
    password = str(data.one("AWS::RDS::DBInstance")["MasterUserPassword"])
    assert "resolve:secretsmanager" in password
    rotation = data.one("AWS::SecretsManager::RotationSchedule")
    assert rotation["RotationRules"] == {"ScheduleExpression": "rate(9 days)"}


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
    """A development stage comes and goes, and leaves no bill behind."""
    resources = both("dev")["data"].body["Resources"].values()
    (instance,) = [it for it in resources if it["Type"] == "AWS::RDS::DBInstance"]
    assert instance["DeletionPolicy"] == "Delete"
    assert instance["Properties"]["DeletionProtection"] is False


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_prod_s_data_stack_cannot_be_deleted_by_one_command(stage: str, tmp_path: Path) -> None:
    """CloudFormation itself refuses."""
    app = stage_app({**own_context(), "stage": stage, "aws:cdk:bundling-stacks": []}, out=tmp_path)
    stacks = {stack.stack_name: stack for stack in app.synth().stacks}
    assert bool(stacks[f"hongyan-{stage}-data"].termination_protection) is (stage == "prod")


def test_a_gateway_has_a_fixed_address_and_the_stack_tells_it(both: Stacks) -> None:
    """Feishu's address lists name it, so it must not change with the gateway."""
    data = both("prod")["data"]
    gateway = data.one("AWS::EC2::NatGateway")
    address = data.body["Outputs"]["FeishuEgressAddress"]["Value"]
    assert data.named(gateway["AllocationId"]) == data.named(address)
    assert len(data.all("AWS::EC2::EIP")) == 1


def test_a_nat_instance_is_small_and_used_from_inside_only(both: Stacks) -> None:
    """An open one would be everybody's proxy; its address changes, so none is told."""
    data = both("dev")["data"]
    instance = data.one("AWS::EC2::Instance")
    assert (instance["InstanceType"], instance["SourceDestCheck"]) == ("t4g.nano", False)
    (group,) = instance["SecurityGroupIds"]
    assert [it["CidrIp"] for it in data.named(group)["SecurityGroupIngress"]] == ["10.0.0.0/16"]
    assert not data.all("AWS::EC2::NatGateway")
    assert "FeishuEgressAddress" not in data.body["Outputs"]


def test_a_vpc_spans_two_zones_and_is_looked_up_nowhere(both: Stacks) -> None:
    """Also when the stage names its account, where the CDK would ask for the zones' names."""
    data = both("dev", {"account": "333333333333", "region": "eu-west-1"})["data"]
    zones = {str(it["AvailabilityZone"]) for it in data.all("AWS::EC2::Subnet")}
    assert zones == {str({"Fn::Select": [index, {"Fn::GetAZs": ""}]}) for index in (0, 1)}


def test_what_the_vpc_refused_is_logged_under_a_key(both: Stacks) -> None:
    """For as long as the stage keeps logs."""
    data = both("dev")["data"]
    flow, group = data.one("AWS::EC2::FlowLog"), data.one("AWS::Logs::LogGroup")
    assert flow["TrafficType"] == "REJECT"
    assert group["RetentionInDays"] == 7
    assert data.kind_of(group["KmsKeyId"]) == "AWS::KMS::Key"


def test_self_managed_brokers_are_polled_from_the_new_vpc(both: Stacks) -> None:
    """As the poller of an existing one: two subnets, one group, and the login."""
    accesses = both("dev")["delivery"].source("ingest")["SourceAccessConfigurations"]
    assert sorted(it["Type"] for it in accesses) == [
        "SASL_SCRAM_512_AUTH",
        "VPC_SECURITY_GROUP",
        "VPC_SUBNET",
        "VPC_SUBNET",
    ]
