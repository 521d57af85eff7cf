"""What cannot change in a stage that runs, with the way to do it in steps where there is one."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cdk.deployments.templates import Body, Stacks, resources

_MYSQL, _KAFKA, _SERVERLESS = "AWS::RDS::DBInstance", "AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster"
_ANOTHER_STAGE = "make another stage of it, and move the data and the producers"

#: Type, property, key in cdk.json and remedy, where CloudFormation would replace a resource (its "Update requires:
#: Replacement") or cut running functions off.
_FIXED = (
    ("AWS::EC2::VPC", "CidrBlock", "network.cidr", _ANOTHER_STAGE),
    ("AWS::EC2::Subnet", "CidrBlock", "network.cidr", _ANOTHER_STAGE),
    ("AWS::EC2::Subnet", "AvailabilityZone", "network.availability_zones", "only add zones, at the end of the list"),
    (_MYSQL, "DBName", "database.name", "make it with SQL, and name it by database.endpoint"),
    (_MYSQL, "Port", "database.port", _ANOTHER_STAGE),
    (_KAFKA, "BrokerNodeGroupInfo.ClientSubnets", "network", f"brokers cannot move to other zones; {_ANOTHER_STAGE}"),
    (_KAFKA, "BrokerNodeGroupInfo.SecurityGroups", "network", _ANOTHER_STAGE),
    (_SERVERLESS, "VpcConfigs", "network", _ANOTHER_STAGE),
)
#: MSK takes one at a time (aws/aws-cdk#16765)
_ONE_AT_A_TIME: Mapping[str, str] = {
    "BrokerNodeGroupInfo.InstanceType": "instance_class",
    "BrokerNodeGroupInfo.StorageInfo": "storage_gb",
    "NumberOfBrokerNodes": "per_zone",
    "KafkaVersion": "version",
}


def refusals(deployed: Stacks, wanted: Stacks) -> Iterator[str]:
    """A line for each refused change."""
    before, after = resources(deployed.data), resources(wanted.data)
    for name in before.keys() & after.keys():
        yield from _of_resource(before[name], after[name])
    if before and after:
        yield from _of_the_way_out(before, after)
    yield from _of_a_protected_mysql(before, after)


def _of_resource(before: Body, after: Body) -> Iterator[str]:
    kind = before["Type"]
    if kind != after["Type"]:
        yield f"kafka.new.kind: cannot change; {_ANOTHER_STAGE}"
        return
    for fixed, path, key, way in _FIXED:
        if fixed == kind and _differs(before, after, path):
            yield f"{key}: cannot change in a stage that runs ({kind}, {path}); {way}"
    if (
        kind == _KAFKA
        and len(both := [key for path, key in _ONE_AT_A_TIME.items() if _differs(before, after, path)]) > 1
    ):
        yield f"kafka.new.brokers: MSK takes one change at a time; deploy a new {both[0]} first, then {both[1]}"


def _of_the_way_out(before: Mapping[str, Body], after: Mapping[str, Body]) -> Iterator[str]:
    """The fixed address cannot be at a gateway and at an instance at once."""
    gateways = [any(it["Type"] == "AWS::EC2::NatGateway" for it in some.values()) for some in (before, after)]
    vpcs = [any(it["Type"] == "AWS::EC2::VPC" for it in some.values()) for some in (before, after)]
    if all(vpcs) and gateways[0] != gateways[1]:
        yield f"network.nat: a gateway and an instance cannot take over an address from each other; {_ANOTHER_STAGE}"


def _of_a_protected_mysql(before: Mapping[str, Body], after: Mapping[str, Body]) -> Iterator[str]:
    for name, body in before.items():
        if body["Type"] == _MYSQL and name not in after and body["Properties"].get("DeletionProtection"):
            yield (
                "database.new: is protected, and would stay although the stage no longer names it; deploy with "
                "database.new.deletion_protection false first, then without database.new"
            )


def _differs(before: Body, after: Body, path: str) -> bool:
    """Whether the values differ. Zones differ only by name, because a zone by position may be the same one."""
    old, new = _at(before["Properties"], path), _at(after["Properties"], path)
    if path == "AvailabilityZone" and not (isinstance(old, str) and isinstance(new, str)):
        return False
    return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)


def _at(properties: Any, path: str) -> Any:  # noqa: ANN401  # JSON
    for step in path.split("."):
        properties = properties.get(step, {})
    return properties
