"""Refers to an existing VPC by the ids that the stage's settings give."""

from collections.abc import Sequence

from aws_cdk import Annotations, Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from cdk.data.network import INSIDE, Network, Place
from cdk.settings.sections.network import ExistingVpc


def existing_network(scope: Construct, settings: ExistingVpc) -> Network:
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=settings.vpc_id,
        availability_zones=[Fn.select(index, Fn.get_azs()) for index, _ in enumerate(settings.subnet_ids)],
        private_subnet_ids=list(settings.subnet_ids),
    )
    for subnet in vpc.private_subnets:  # no code here uses a route table
        Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
    groups = _Groups(scope)
    return Network(
        vpc=vpc,
        subnets=vpc.private_subnets,
        security_groups=groups.of(settings.security_group_ids),
        places=_places(scope, settings, groups),
        data_subnets=_subnets(scope, "Data", settings.data_subnet_ids or ()),
    )


def _places(scope: Construct, settings: ExistingVpc, groups: "_Groups") -> dict[str, Place]:
    """The places of functions that have subnets and groups of their own."""
    places: dict[str, Place] = {}
    for name, placed, functions in (("Send", settings.send, ["send"]), ("Inside", settings.inside, INSIDE)):
        if placed:
            subnets = _subnets(scope, name, placed.subnet_ids)
            place = Place(subnets=subnets, security_groups=groups.of(placed.security_group_ids))
            places |= dict.fromkeys(functions, place)
    return places


def _subnets(scope: Construct, name: str, ids: Sequence[str]) -> list[ec2.ISubnet]:
    named = ec2.Subnet.from_subnet_id
    return [named(scope, f"{name}Subnet{index}", subnet) for index, subnet in enumerate(ids)]


class _Groups:
    """Imports each group only once, however often settings name it, because the same rule twice fails at deployment.

    A group's construct is named by its id and not by its position, because its rules are named after it: the rules for
    another group are then new resources, and the old ones can stay for a round. Groups are immutable, because their own
    rules belong to whoever made them.
    """

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self._made: dict[str, ec2.ISecurityGroup] = {}

    def of(self, ids: Sequence[str]) -> list[ec2.ISecurityGroup]:
        named = ec2.SecurityGroup.from_security_group_id
        for group in ids:
            if group not in self._made:
                self._made[group] = named(self._scope, f"SecurityGroup-{group}", group, mutable=False)
        return [self._made[group] for group in ids]
