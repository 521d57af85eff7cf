"""A stage may use an existing VPC, MySQL or Kafka, or make its own: what it makes is in the data stack."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, MSK, MYSQL, NO_VPC, RDS, TLS_BROKERS, VPC, Template

Settings = Mapping[str, Any]
#: settings, and the types of resources that they add
Choice = tuple[Settings | None, set[str]]

_VPC, _MYSQL = "AWS::EC2::VPC", "AWS::RDS::DBInstance"
NETWORKS: Mapping[str, Choice] = {
    "new VPC": ({"new": True, "endpoints": False}, {_VPC}),
    "existing VPC": (VPC, set()),
    "new VPC with endpoints": ({"new": True, "endpoints": True}, {_VPC}),
    "no VPC": (NO_VPC, set()),
}
DATABASES: Mapping[str, Choice] = {
    "new MySQL": ({"new": {}}, {_MYSQL}),
    "existing MySQL": (MYSQL, set()),
    "existing RDS": (RDS, set()),
}
KAFKAS: Mapping[str, Choice] = {
    "serverless": ({"new": {"kind": "serverless", "brokers": None}}, {"AWS::MSK::ServerlessCluster"}),
    "provisioned": ({"new": {"brokers": {"storage_max_gb": 99}}}, {"AWS::MSK::Cluster"}),
    "existing MSK": (MSK, set()),
    "SCRAM": (BROKERS, set()),
    "TLS": (TLS_BROKERS, set()),
}
NEW_TYPES = set().union(*(made for part in (NETWORKS, DATABASES, KAFKAS) for _, made in part.values()))


def combinations() -> Iterator[tuple[str, str, str]]:
    """New and existing in every combination; the rarer choices once, with what they affect."""
    yield from product(["new VPC", "existing VPC"], ["new MySQL", "existing MySQL"], KAFKAS)
    yield "no VPC", "existing MySQL", "SCRAM"
    yield "existing VPC", "existing RDS", "SCRAM"
    yield "new VPC with endpoints", "existing MySQL", "SCRAM"
    yield "new VPC with endpoints", "new MySQL", "SCRAM"


@pytest.mark.parametrize(("network", "database", "kafka"), [*combinations()])
def test_the_data_stack_makes_what_is_new_and_nothing_else(
    network: str, database: str, kafka: str, both: Stacks
) -> None:
    """It is deployed first, and there is none when nothing is new. cdk-nag finds nothing in either stack."""
    chosen = {"network": NETWORKS[network], "database": DATABASES[database], "kafka": KAFKAS[kafka]}
    stacks = dict(both("dev", {name: settings for name, (settings, _) in chosen.items()}))
    wanted = set().union(*(made for _, made in chosen.values()))
    delivery = stacks.pop("delivery")
    assert new_types(delivery) == set()
    assert [new_types(it) for it in stacks.values()] == ([wanted] if wanted else [])
    assert ("hongyan-dev-data" in delivery.deployed_after) is bool(wanted)


def new_types(template: Template) -> set[str]:
    return NEW_TYPES & {it["Type"] for it in template.body["Resources"].values()}
