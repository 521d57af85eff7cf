"""An existing VPC: whether its subnets and groups are what functions, MySQL and Kafka need."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from cdk.doctor.account import Account, Answer
from cdk.doctor.finding import Finding, fail, ok
from cdk.settings.sections.named import named
from cdk.settings.sections.network import ExistingVpc
from cdk.settings.stage import StageSettings

_ANYWHERE = "0.0.0.0/0"
#: The targets of a route ("Route", EC2 API reference). A NAT instance has two of these.
_TARGETS = (
    "NatGatewayId",
    "TransitGatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "GatewayId",
)
_WITHOUT_A_WAY_OUT = ("network.inside.subnet_ids", "network.data_subnet_ids")
_NEEDED = "private subnets with a route to a NAT gateway, a NAT instance or a transit gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    id: str
    vpc: str
    zone: str
    block: str
    #: The target of its route to the internet; empty if it has none.
    way_out: str


def network(account: Account, stage: StageSettings) -> Iterator[Finding]:
    if not isinstance(stage.network, ExistingVpc):
        return
    vpc, found = stage.network.vpc_id, subnets(account, stage)
    for key, ids in _by_key(stage, "subnet").items():
        yield from judged_subnets([it for it in found if it.id in ids], ids, vpc, key=key)
    yield from judged_groups(groups(account, stage), [it for _, it in named(stage, "group")], vpc)


def _by_key(stage: StageSettings, kind: str) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for key, value in named(stage, kind):
        told.setdefault(key, []).append(value)
    return told


def subnets(account: Account, stage: StageSettings) -> list[Subnet]:
    """Looks subnets up by a filter, because by ids a single missing one would hide the others."""
    filters = [{"Name": "subnet-id", "Values": [it for _, it in named(stage, "subnet")]}]
    found = account.every("ec2", "describe_subnets", "Subnets", Filters=filters)
    tables = [table for vpc in {it["VpcId"] for it in found} for table in _tables(account, vpc)]
    return [
        Subnet(
            id=it["SubnetId"],
            vpc=it["VpcId"],
            zone=it["AvailabilityZone"],
            block=it["CidrBlock"],
            way_out=_way_out(it["SubnetId"], [table for table in tables if table["VpcId"] == it["VpcId"]]),
        )
        for it in found
    ]


def _tables(account: Account, vpc: str) -> list[Answer]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    return account.every("ec2", "describe_route_tables", "RouteTables", Filters=filters)


def _way_out(subnet: str, tables: Sequence[Answer]) -> str:
    """The way out by the subnet's own route table, or else by the VPC's main one."""
    own = [it for it in tables if any(of.get("SubnetId") == subnet for of in it["Associations"])]
    main = [it for it in tables if any(of.get("Main") for of in it["Associations"])]
    for route in [route for table in (own or main) for route in table["Routes"]]:
        if route.get("DestinationCidrBlock") == _ANYWHERE and route.get("State") != "blackhole":
            return next((str(route[key]) for key in _TARGETS if key in route), "")
    return ""


def groups(account: Account, stage: StageSettings) -> list[Answer]:
    filters = [{"Name": "group-id", "Values": [it for _, it in named(stage, "group")]}]
    return account.every("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)


def judged_subnets(
    found: Sequence[Subnet], wanted: Sequence[str], vpc: str, *, key: str = "network.subnet_ids"
) -> Iterator[Finding]:
    here = [it for it in found if it.vpc == vpc]
    faults = [*_faults(here, wanted, vpc, key)]
    yield from faults
    if here and not faults:
        yield ok(key, ", ".join(f"{it.id} in {it.zone}, out by {it.way_out or 'nothing'}" for it in here))


def _faults(here: Sequence[Subnet], wanted: Sequence[str], vpc: str, key: str) -> Iterator[Finding]:
    if missing := sorted({*wanted} - {it.id for it in here}):
        yield fail(key, f"{', '.join(missing)}: not in {vpc}", f"correct {key} or network.vpc_id")
    if len({it.zone for it in here}) < len(here):
        zones = ", ".join(f"{it.id} in {it.zone}" for it in here)
        yield fail(key, f"two are in one zone: {zones}", f"name subnets in zones of their own: {key}")
    closed = [it for it in here if not it.way_out or it.way_out.startswith("igw-")]
    if closed and key not in _WITHOUT_A_WAY_OUT:
        told = ", ".join(f"{it.id} ({it.way_out or 'no route'})" for it in closed)
        yield fail(key, f"no way out to Feishu and AWS: {told}", f"functions have no public address; use {_NEEDED}")


def judged_groups(found: Sequence[Answer], wanted: Sequence[str], vpc: str) -> Iterator[Finding]:
    check, here = "security groups", [it for it in found if it["VpcId"] == vpc]
    if missing := sorted({*wanted} - {it["GroupId"] for it in here}):
        yield fail(check, f"{', '.join(missing)}: not in {vpc}", "correct network.security_group_ids")
    if not any(lets(it["IpPermissionsEgress"], 443, blocks=[_ANYWHERE]) for it in here):
        yield fail(check, "none lets HTTPS out, to Feishu and AWS", "add a rule: outbound, TCP 443, 0.0.0.0/0")
    elif not missing:
        yield ok(check, ", ".join(str(it["GroupId"]) for it in here))


def lets(rules: Iterable[Answer], port: int, *, groups: Iterable[str] = (), blocks: Iterable[str] = ()) -> bool:
    """Whether a rule opens this port to one of these groups, or to the whole of one of these blocks."""
    return any(_covers(rule, port) and (_names(rule, groups) or _contains(rule, blocks)) for rule in rules)


def _covers(rule: Answer, port: int) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    return rule["IpProtocol"] == "tcp" and int(rule["FromPort"]) <= port <= int(rule["ToPort"])


def _names(rule: Answer, groups: Iterable[str]) -> bool:
    return bool({*groups} & {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", [])})


def _contains(rule: Answer, blocks: Iterable[str]) -> bool:
    allowed: list[Any] = [ip_network(it["CidrIp"]) for it in rule.get("IpRanges", [])]
    return any(ip_network(block).subnet_of(wide) for block in blocks for wide in allowed)
