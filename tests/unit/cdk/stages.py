"""Stages to test settings in: a minimal one, and one for each kind of network, MySQL, Kafka and alarms."""

from collections.abc import Mapping
from typing import Any

import pytest

from cdk.error import SettingsError
from cdk.settings.context import merged
from cdk.settings.stage import StageSettings, stage_settings

SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:mysql-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-444455556666"
CLUSTER = "arn:aws:kafka:eu-west-1:111111111111:cluster/events/0a1b2c3d-1111-2222-3333-444455556666-7"
TOPIC = "arn:aws:sns:eu-west-1:111111111111:operations"
BROKERS = {"bootstrap_servers": ["kafka.internal:9096"], "auth_secret_arn": SECRET}
MYSQL = {"endpoint": "mysql.internal", "secret_arn": SECRET}
RDS = {**MYSQL, "endpoint": "mysql.abc.eu-west-1.rds.amazonaws.com", "iam_resource_id": "db-ABCDEFGHIJKL01234"}
VPC = {
    "vpc_id": "vpc-0a0a0a0a",
    "subnet_ids": ["subnet-0a0a0a0a", "subnet-0b0b0b0b"],
    "security_group_ids": ["sg-0a0a0a0a"],
}
PLACES = {
    **VPC,
    "send": {"subnet_ids": ["subnet-0c0c0c0c"], "security_group_ids": ["sg-0c0c0c0c"]},
    "inside": {"subnet_ids": ["subnet-0d0d0d0d"], "security_group_ids": ["sg-0d0d0d0d"]},
    "data_subnet_ids": ["subnet-0e0e0e0e", "subnet-0f0f0f0f"],
}
LEAST: Mapping[str, Any] = {"database": MYSQL, "kafka": BROKERS, "action_base_url": "https://app.example.com"}
NEW: Mapping[str, Any] = {**LEAST, "network": {"new": True}, "database": {"new": {}}, "kafka": {"new": {}}}


def settings(stage: object, *, name: str = "dev") -> StageSettings:
    return stage_settings({name: stage}, name)


def lines(stage: object, *, name: str = "dev") -> list[str]:
    """What is wrong with it, each without the words that name the stage."""
    with pytest.raises(SettingsError) as caught:
        settings(stage, name=name)
    said = str(caught.value).splitlines()
    assert all(line.startswith(f"cdk.json, stage {name}: ") for line in said)
    return [line.removeprefix(f"cdk.json, stage {name}: ") for line in said]


def over(stage: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    return merged(stage, changes)
