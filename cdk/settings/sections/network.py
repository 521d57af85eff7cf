"""Where functions and the Kafka poller run: in a new VPC, in an existing one, or in none."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from cdk.settings.sections.section import StageSection, chosen_by

_ID = r"[0-9a-f]{8}(?:[0-9a-f]{9})?$"
_SubnetId = Annotated[str, Field(pattern=f"^subnet-{_ID}", title="the id of a subnet")]
_GroupId = Annotated[str, Field(pattern=f"^sg-{_ID}", title="the id of a security group")]
_SubnetIds = Annotated[tuple[_SubnetId, ...], Field(min_length=1, strict=False)]
_GroupIds = Annotated[tuple[_GroupId, ...], Field(min_length=1, strict=False)]
_Zone = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", title="the name of a zone such as us-west-1a")]
_CIDR = r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}/(?:1[6-9]|2[0-4])$"
#: RDS requires two zones, whether it uses them or not. No region has more than six.
LEAST_ZONES, MOST_ZONES = 2, 6
#: MSK takes two or three.
MOST_OF_MSK = 3
#: Prefix length → zones that fit, each with 16 public and 64 isolated addresses.
_ROOM = {24: 2, 23: 3, 22: 4, 21: 5}

TWO_ZONES = "a VPC over two zones: network.new, or network.vpc_id with at least two subnets"


class NewVpc(StageSection):
    new: Literal[True] = Field(title="true, or left out")
    """a VPC of the stage's own: public subnets for NAT only, private ones for functions, isolated ones for MySQL"""
    zones: int = Field(LEAST_ZONES, ge=LEAST_ZONES, le=MOST_ZONES)
    """how many of the first zones that your account sees; with three, Kafka still takes writes if one is lost"""
    availability_zones: tuple[_Zone, ...] | None = Field(
        None,
        min_length=LEAST_ZONES,
        max_length=MOST_ZONES,
        strict=False,
        title=f"a list of {LEAST_ZONES} to {MOST_ZONES} names of zones such as us-west-1a",
    )
    """instead, by name: in us-west-1 an account sees two, and elsewhere one may lack MSK, Lambda or a class"""
    cidr: str = Field("10.0.0.0/16", pattern=_CIDR, title="a block of addresses such as 10.0.0.0/16, from /16 to /24")
    """must not overlap a network that it is to be peered with, such as the brokers'"""
    nat: Literal["gateway", "gateway_per_zone", "instance"] = "gateway"
    """its way out, with a fixed address (output `FeishuEgressAddress`); one per zone, and sending outlives a zone"""
    endpoints: bool = False
    """only send has a way out; the others and Kafka's poller reach AWS by endpoints, [at a price](costs.md)"""


class Placed(StageSection):
    subnet_ids: _SubnetIds
    security_group_ids: _GroupIds


class ExistingVpc(StageSection):
    vpc_id: str = Field(pattern=f"^vpc-{_ID}", title="the id of a VPC")
    """instead: an existing VPC for the functions and the Kafka poller; without either they run outside of any"""
    subnet_ids: _SubnetIds
    """private subnets with a way out to Feishu and to AWS's own services, each in a zone of its own"""
    security_group_ids: _GroupIds
    """the functions'; the first is also that of the poller of self-managed brokers"""
    send: Placed | None = None
    """where send is instead: it needs a way out to Feishu, and to AWS's services and MySQL"""
    inside: Placed | None = None
    """where ingest, claim and migrate are instead: they need MySQL, Secrets Manager, SQS and S3, and no way out"""
    data_subnet_ids: _SubnetIds | None = None
    """where a new MySQL is instead, in at least two zones"""


Network = Annotated[
    Annotated[NewVpc, Tag("with new")] | Annotated[ExistingVpc, Tag("with vpc_id")],
    chosen_by("new", "vpc_id"),
    Field(title="an object with new or vpc_id"),
]


def zones(network: Network | None) -> int:
    """The number of zones of the private subnets. Each subnet of an existing VPC should be in a zone of its own."""
    if isinstance(network, ExistingVpc):
        return len(network.subnet_ids)
    return len(network.availability_zones or range(network.zones)) if network else 0


def zones_of_msk(network: Network | None) -> int:
    """The number of zones with brokers. A provisioned cluster uses the first three."""
    return min(zones(network), MOST_OF_MSK)


def room_for_zones(cidr: str) -> int:
    """The number of zones that the subnets are laid out for, so that adding a zone does not move the others."""
    return _ROOM.get(int(cidr.rpartition("/")[2]), MOST_ZONES)
