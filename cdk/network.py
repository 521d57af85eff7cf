"""The VPC in which functions run and in which Kafka is polled: subnets and security groups by id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

#: what Lambda does, as the function's role, to reach into a VPC; EC2 knows no narrower resource for these
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
class Network:
    vpc: ec2.IVpc
    subnets: Sequence[ec2.ISubnet]
    security_groups: Sequence[ec2.ISecurityGroup]

    def placement(self, role: iam.Role) -> dict[str, Any]:
        """The arguments that put a function here; its role may then make the network interfaces."""
        grant_interfaces(role)
        return {
            "vpc": self.vpc,
            "vpc_subnets": ec2.SubnetSelection(subnets=self.subnets),
            "security_groups": self.security_groups,
        }


def grant_interfaces(role: iam.Role) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(_INTERFACES), resources=["*"]))
