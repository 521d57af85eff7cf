"""docs/costs.md counts what the stages of cdk.json really make."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra import watched
from tests.infra.conftest import Stacks
from tests.infra.templates import Resource, Template
from tests.unit.docs.test_costs_page import ITEMS, product

COLUMNS = {"dev": 2, "prod": 4}
HOURS = 730


def quantity(stage: str, item: str) -> float:
    (told,) = [cells[COLUMNS[stage]] for cells in ITEMS if cells[0] == item]
    return 0 if told == "–" else product(told)


def count(stacks: Mapping[str, Template], kind: str) -> int:
    return sum(len(template.all(kind)) for template in stacks.values())


@pytest.mark.parametrize("stage", COLUMNS)
@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ("Keys", "AWS::KMS::Key"),
        ("Secrets", "AWS::SecretsManager::Secret"),
        ("Dashboards", "AWS::CloudWatch::Dashboard"),
    ],
)
def test_what_is_paid_by_the_piece_is_counted(stage: str, item: str, kind: str, both: Stacks) -> None:
    """One more key is one more dollar."""
    assert quantity(stage, item) == count(both(stage), kind)


@pytest.mark.parametrize("stage", COLUMNS)
@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ("NAT instance, t4g.nano, hours", "AWS::EC2::Instance"),
        ("NAT gateway, hours", "AWS::EC2::NatGateway"),
        ("Fixed address, hours", "AWS::EC2::EIP"),
    ],
)
def test_what_is_paid_by_the_hour_is_counted(stage: str, item: str, kind: str, both: Stacks) -> None:
    """All of them run all the time."""
    assert quantity(stage, item) == HOURS * count(both(stage), kind)


@pytest.mark.parametrize("stage", COLUMNS)
def test_endpoints_are_counted_in_each_zone(stage: str, both: Stacks) -> None:
    """Those that cost: S3's has no subnets and no price."""
    endpoints = both(stage)["data"].all("AWS::EC2::VPCEndpoint")
    assert quantity(stage, "Endpoints × zones, hours") == HOURS * sum(len(it.get("SubnetIds", [])) for it in endpoints)


@pytest.mark.parametrize("stage", COLUMNS)
def test_metrics_are_counted_in_alarms_and_of_our_own(stage: str, both: Stacks) -> None:
    """An alarm over several metrics is paid for each of them."""
    template = both(stage)["delivery"]
    alarms = watched.alarms(template).values()
    assert quantity(stage, "Metrics in alarms") == sum(map(metrics_of, alarms))
    own = watched.of_dashboard(template) | {metric for alarm in alarms for metric in watched.of_alarm(alarm)}
    assert quantity(stage, "Metrics of our own") == len(watched.own(own))


def metrics_of(alarm: Resource) -> int:
    return sum("MetricStat" in it for it in alarm["Metrics"])


@pytest.mark.parametrize(
    ("stage", "row", "zones"), [("dev", "MySQL, db.{}, hours", 1), ("prod", "MySQL, db.{}, hours in two zones", 2)]
)
def test_mysql_is_as_large_as_it_says(stage: str, row: str, zones: int, both: Stacks) -> None:
    """Its class, its zones and its storage."""
    instance: Any = both(stage)["data"].one("AWS::RDS::DBInstance")
    assert quantity(stage, row.format(instance["DBInstanceClass"].removeprefix("db."))) == HOURS * zones
    assert instance["MultiAZ"] is (zones == 2)
    assert quantity(stage, "MySQL, gp3 storage, GB") == zones * int(instance["AllocatedStorage"])


@pytest.mark.parametrize(("stage", "row"), [("dev", "Kafka, {}, hours of two"), ("prod", "Kafka, {}, hours of three")])
def test_brokers_are_as_many_and_as_large_as_it_says(stage: str, row: str, both: Stacks) -> None:
    """Their class, their number and the storage that they begin with."""
    cluster: Any = both(stage)["data"].one("AWS::MSK::Cluster")
    brokers, group = cluster["NumberOfBrokerNodes"], cluster["BrokerNodeGroupInfo"]
    assert quantity(stage, f"{row.format(group['InstanceType'])} brokers") == HOURS * brokers
    storage = group["StorageInfo"]["EBSStorageInfo"]["VolumeSize"]
    assert quantity(stage, "Kafka, storage, GB") == brokers * storage
