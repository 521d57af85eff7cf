"""Says in which subnets and security groups of the VPC each function and the Kafka poller are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from cdk.data.endpoints import Endpoints

#: Functions that reach MySQL and AWS's services, and nothing else.
INSIDE = ("ingest", "claim", "prune", "migrate")
#: Lambda uses these as the function's role to enter a VPC. EC2 offers no narrower resource for them.
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Subnets decide where packets can go, and security groups decide who may exchange them."""

    subnets: Sequence[ec2.ISubnet]
    security_groups: Sequence[ec2.ISecurityGroup]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The Kafka poller and functions without their own place are in `subnets`, which have a way out."""

    vpc: ec2.IVpc
    subnets: Sequence[ec2.ISubnet]
    security_groups: Sequence[ec2.ISecurityGroup]
    #: Function's name → place.
    places: Mapping[str, Place] = field(default_factory=dict)
    #: The subnets of a new MySQL, which need no way out.
    data_subnets: Sequence[ec2.ISubnet] = ()
    #: Without another way out, functions fail if these are removed.
    endpoints: Endpoints | None = None

    def placement(self, function: str, role: iam.Role) -> dict[str, Any]:
        """The arguments that put a function in its place. Its role gets the right to make network interfaces."""
        grant_interfaces(role)
        place = self.places.get(function) or Place(subnets=self.subnets, security_groups=self.security_groups)
        return {
            "vpc": self.vpc,
            "vpc_subnets": ec2.SubnetSelection(subnets=place.subnets),
            "security_groups": place.security_groups,
        }

    def offered(self) -> Iterator[str]:
        """The ids of everything that a function may be in or depend on."""
        for subnet in (*self.vpc.private_subnets, *self.vpc.isolated_subnets):
            yield subnet.subnet_id
        for group in self.groups():
            yield group.security_group_id
        yield from self.endpoints.ids if self.endpoints else ()

    def groups(self) -> list[ec2.ISecurityGroup]:
        """Every security group that a function may be in, without duplicates. MySQL lets these in."""
        groups = [*self.security_groups, *(it for place in self.places.values() for it in place.security_groups)]
        return list(dict.fromkeys(groups))


def grant_interfaces(role: iam.Role) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(_INTERFACES), resources=["*"]))
