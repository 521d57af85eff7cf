"""A new MySQL is encrypted and accepts only TLS, and only functions reach it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.infra import watched
from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, VPC, Template, tagged, told


@pytest.mark.parametrize(
    ("network", "groups"), [({"endpoints": False}, 2), ({"new": True, "endpoints": True}, 3), (VPC, 2)]
)
def test_only_the_functions_groups_come_in_to_mysql(network: Mapping[str, Any], groups: int, both: Stacks) -> None:
    """Each rule once: a duplicate would fail at deployment."""
    data = both("prod", {"network": network, "kafka": BROKERS})["data"]
    mysql = data.one("AWS::RDS::DBInstance")["VPCSecurityGroups"]
    rules = [it for it in data.all("AWS::EC2::SecurityGroupIngress") if [it["GroupId"]] == mysql]
    assert len({str(rule["SourceSecurityGroupId"]) for rule in rules}) == len(rules) == groups
    assert not any("SecurityGroupIngress" in data.named(group) for group in mysql)


def existing_vpc(both: Stacks) -> Template:
    return both("prod", {"network": VPC})["data"]


def test_in_an_existing_vpc_mysql_stands_in_its_subnets(both: Stacks) -> None:
    """The stage names no other groups."""
    assert existing_vpc(both).one("AWS::RDS::DBSubnetGroup")["SubnetIds"] == VPC["subnet_ids"]


def test_mysql_in_a_new_vpc_has_no_way_out(both: Stacks) -> None:
    """Its subnets have only the VPC's own route, and it has no public address."""
    data = both("prod")["data"]
    subnets = [data.named(it) for it in data.one("AWS::RDS::DBSubnetGroup")["SubnetIds"]]
    assert [tagged(it, "aws-cdk:subnet-type") for it in subnets] == ["Isolated"] * 3
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


@pytest.mark.parametrize("network", [{"new": True}, VPC])
def test_what_mysql_logs_is_encrypted_and_kept_as_long_as_other_logs(network: Mapping[str, Any], both: Stacks) -> None:
    """The groups exist before RDS would make its own, which keep everything for ever."""
    data = both("prod", {"network": {"endpoints": False, **network}, "log_retention_days": 5})["data"]
    (instance,) = [it for it in data.body["Resources"].values() if it["Type"] == "AWS::RDS::DBInstance"]
    name = instance["Properties"]["DBInstanceIdentifier"]["Fn::Join"][1]
    for kind in instance["Properties"]["EnableCloudwatchLogsExports"]:
        group = data.named(logical := next(log_groups(data, ["/aws/rds/instance/", *name, f"/{kind}"])))
        assert logical in instance["DependsOn"]
        assert group["RetentionInDays"] == 5
        policy = json.dumps(data.named(group["KmsKeyId"])["KeyPolicy"])
        assert f"log-group:/aws/rds/instance/{name[0]}" in policy
        assert json.dumps(name[1]) in policy


def log_groups(data: Template, name: list[Any]) -> Iterator[str]:
    """Where a template has the group whose name has these parts."""
    said = "".join(map(json.dumps, name)).replace('""', "")
    for logical, it in data.body["Resources"].items():
        if it["Type"] == "AWS::Logs::LogGroup" and "LogGroupName" in it["Properties"]:
            parts = it["Properties"]["LogGroupName"]["Fn::Join"][1]
            if "".join(map(json.dumps, parts)).replace('""', "") == said:
                yield logical


def test_the_password_is_generated_and_another_one_after_the_stage_s_days(both: Stacks) -> None:
    """No template has the password, and the function that rotates it connects as ours do."""
    data = both("dev", {"database": {"new": {"rotation_days": 9}}})["data"]
    password = str(data.one("AWS::RDS::DBInstance")["MasterUserPassword"])
    assert "resolve:secretsmanager" in password
    rotation = data.one("AWS::SecretsManager::RotationSchedule")
    assert rotation["RotationRules"] == {"ScheduleExpression": "rate(9 days)"}


@pytest.mark.parametrize(("partition", "of_python_3_10"), [("aws", (1, 1, 618)), ("aws-us-gov", (1, 1, 319))])
def test_the_function_that_rotates_has_a_python_that_lambda_still_creates_functions_with(
    partition: str, of_python_3_10: tuple[int, ...], both: Stacks
) -> None:
    """aws/aws-cdk#35528 and #36019 have the last versions of AWS's application that ran on Python 3.10."""
    (mapping,) = both("dev")["data"].body["Mappings"].values()
    version = tuple(map(int, mapping[partition]["semanticVersion"].split(".")))
    assert version > of_python_3_10


def test_without_rotation_there_is_no_function_of_aws_s(both: Stacks) -> None:
    """In regions without the Serverless Application Repository the stack could not be made with it."""
    data = both("dev", {"database": {"new": {"rotation_days": 0}}})["data"]
    assert not data.all("AWS::Serverless::Application") + data.all("AWS::SecretsManager::RotationSchedule")


def test_a_mysql_of_the_stage_s_own_is_watched_and_another_is_not(both: Stacks, beside: Template) -> None:
    """An existing MySQL is watched by whoever made it; for ours the dashboard shows what the alarms watch."""
    data, delivery = both("dev")["data"], both("dev")["delivery"]
    assert {"DatabaseBusy", "DatabaseFull"} <= set(watched.alarms(delivery))
    for name in ("DatabaseBusy", "DatabaseFull"):
        alarm = watched.alarms(delivery)[name]
        (dimension,) = alarm["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"]
        assert data.kind_of(told(data, dimension["Value"])) == "AWS::RDS::DBInstance"
        assert watched.of_alarm(alarm) <= watched.of_dashboard(delivery)
    of_alarms = {it for alarm in watched.alarms(beside).values() for it in watched.of_alarm(alarm)}
    seen = watched.of_dashboard(beside) | of_alarms
    assert not any(namespace == "AWS/RDS" for namespace, _, _ in seen)


def test_storage_is_short_when_a_part_of_what_was_asked_for_is_left(both: Stacks) -> None:
    """In bytes, as RDS counts it."""
    delivery = both("dev", {"database": {"new": {"storage_gb": 100}}})["delivery"]
    alarm = watched.alarms(delivery)["DatabaseFull"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (15 * 2**30, "LessThanThreshold")
