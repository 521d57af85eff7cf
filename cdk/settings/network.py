"""Where functions and the Kafka poller run: in a new VPC, in an existing one, or in none."""

from typing import Annotated, Literal

from pydantic import Field

from cdk.settings.choice import Choice
from cdk.settings.section import StageSection, Whole, rule

_ID = r"[0-9a-f]{8}(?:[0-9a-f]{9})?$"
_SubnetId = Annotated[str, Field(pattern=f"^subnet-{_ID}", title="the id of a subnet")]
_GroupId = Annotated[str, Field(pattern=f"^sg-{_ID}", title="the id of a security group")]
_CIDR = r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}/(?:1[6-9]|2[0-4])$"
#: RDS wants room in two, whether it uses them or not; MSK takes two or three
LEAST_ZONES, MOST_ZONES = 2, 3
TWO_ZONES = "a VPC over two zones: network.new, or network.vpc_id with at least two subnets"


class NewVpc(StageSection):
    new: Literal[True] = Field(title="true or false")
    """a VPC of the stage's own: public subnets for NAT only, private ones for functions, isolated ones for MySQL"""
    zones: Annotated[Literal[2, 3], Whole] = 2
    """how many it spans; Kafka brokers in three outlive the loss of one and go on writing"""
    cidr: str = Field("10.0.0.0/16", pattern=_CIDR, title="a block of addresses such as 10.0.0.0/16, from /16 to /24")
    """its addresses; others than those of whatever it is to be peered with, such as the brokers' network"""
    nat: Literal["gateway", "instance"] = "gateway"
    """its way out, with a fixed address (output `FeishuEgressAddress`): a gateway, which AWS keeps running, or a small
    instance, which costs a fifth"""
    endpoints: bool = False
    """ingest, claim and migrate are in subnets without a way out and reach AWS by endpoints of the VPC, which
    [cost by the hour](costs.md); only send keeps its way to Feishu"""

    @rule("cidr")
    @staticmethod
    def _has_room(cidr: str, zones: int) -> str | None:
        too_small = zones == MOST_ZONES and cidr.endswith("/24")
        return f"should be /23 or larger with network.zones {zones}, whose subnets do not fit" if too_small else None


class ExistingVpc(StageSection):
    vpc_id: str = Field(pattern=f"^vpc-{_ID}", title="the id of a VPC")
    """instead: an existing VPC for the functions and the Kafka poller; without either they run outside of any"""
    subnet_ids: tuple[_SubnetId, ...] = Field(min_length=1, strict=False)
    """private subnets with a way out to Feishu and to AWS's own services"""
    security_group_ids: tuple[_GroupId, ...] = Field(min_length=1, strict=False)
    """the functions'; the first is also that of the poller of self-managed brokers"""


class NoVpc(StageSection):
    pass


Network = Annotated[NewVpc | ExistingVpc | NoVpc, Choice(new=NewVpc, vpc_id=ExistingVpc, none=NoVpc)]


def zones(network: Network) -> int:
    """How many zones the private subnets are in. Each subnet of an existing VPC should be in a zone of its own."""
    if isinstance(network, ExistingVpc):
        return len(network.subnet_ids)
    return network.zones if isinstance(network, NewVpc) else 0
