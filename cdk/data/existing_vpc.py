"""Refers to an existing VPC by the ids that the stage's settings give."""

from collections.abc import Sequence

from aws_cdk import Annotations, Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from cdk.data.network import Network
from cdk.settings.network import ExistingVpc


def existing_network(scope: Construct, settings: ExistingVpc) -> Network:
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=settings.vpc_id,
        availability_zones=[Fn.select(index, Fn.get_azs()) for index, _ in enumerate(settings.subnet_ids)],
        private_subnet_ids=list(settings.subnet_ids),
    )
    for subnet in vpc.private_subnets:  # nothing here looks at a route table
        Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
    return Network(vpc=vpc, subnets=vpc.private_subnets, security_groups=_groups(scope, settings.security_group_ids))


def _groups(scope: Construct, ids: Sequence[str]) -> list[ec2.ISecurityGroup]:
    """Immutable, because their rules belong to whoever made them."""
    named = ec2.SecurityGroup.from_security_group_id
    return [named(scope, f"SecurityGroup{index}", group, mutable=False) for index, group in enumerate(ids)]
