"""docs/costs.md counts each thing that costs money as often as the templates of `dev` and `prod` make it."""

from collections.abc import Mapping
from math import prod

import pytest

from cdk.settings.context import ROOT
from tests.infra import watched
from tests.infra.conftest import Stacks
from tests.infra.templates import Template

COLUMNS = {"dev": 2, "prod": 4}
HOURS = 730


def on_the_page(stage: str) -> Mapping[str, float]:
    """The quantity in the stage's column, by the first cell of its row."""
    lines = (ROOT / "docs" / "costs.md").read_text().splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.count("|") > COLUMNS[stage] + 1
    ]
    return {cells[0]: quantity(cells[COLUMNS[stage]]) for cells in rows if quantity(cells[COLUMNS[stage]])}


def quantity(cell: str) -> float:
    """A dash, a heading and an empty cell are zero."""
    factors = cell.split(" × ")
    return prod(map(float, factors)) if all(it.replace(".", "").isdigit() for it in factors) else 0


def in_the_templates(data: Template, delivery: Template) -> Mapping[str, float]:
    alarms = watched.alarms(delivery).values()
    metrics = watched.of_dashboard(delivery).union(*map(watched.of_alarm, alarms))
    brokers = data.one("AWS::MSK::Cluster")["NumberOfBrokerNodes"]
    endpoints = sum(len(it.get("SubnetIds", [])) for it in data.all("AWS::EC2::VPCEndpoint"))
    kinds = [it["Type"] for stack in (data, delivery) for it in stack.body["Resources"].values()]
    return {
        "Keys": kinds.count("AWS::KMS::Key"),
        "Secrets": kinds.count("AWS::SecretsManager::Secret"),
        "Dashboards": kinds.count("AWS::CloudWatch::Dashboard"),
        "NAT instance, t4g.nano, hours": HOURS * kinds.count("AWS::EC2::Instance"),
        "NAT gateway, hours": HOURS * kinds.count("AWS::EC2::NatGateway"),
        "Fixed address, hours": HOURS * kinds.count("AWS::EC2::EIP"),
        "Endpoints × zones, hours": HOURS * endpoints,
        "Kafka, storage, GB": brokers * broker_gigabytes(data),
        "Metrics in alarms": sum("MetricStat" in metric for alarm in alarms for metric in alarm["Metrics"]),
        "Metrics of our own": len(watched.own(metrics)),
    }


def broker_gigabytes(data: Template) -> float:
    group = data.one("AWS::MSK::Cluster")["BrokerNodeGroupInfo"]
    return float(group["StorageInfo"]["EBSStorageInfo"]["VolumeSize"])


@pytest.mark.parametrize("stage", COLUMNS)
def test_the_page_counts_what_the_templates_make(stage: str, both: Stacks) -> None:
    """Whoever adds a key or an alarm adds its price to the page."""
    told, made = on_the_page(stage), in_the_templates(both(stage)["data"], both(stage)["delivery"])
    assert {item: told.get(item, 0) for item in made} == made
