"""A new VPC: a stage's network settings in; out, the subnets and the security group of its functions, and its address.

Over two or three zones: public subnets for NAT only, private ones for the functions, and isolated ones for MySQL.
"""

from aws_cdk import RemovalPolicy, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk import sections
from cdk.function import accept
from cdk.network import Network

#: of a region, as many as a stage may ask for
MOST_ZONES = 3

_ACCEPTED = {
    "AwsSolutions::AwsSolutions-EC26": "The NAT instance's disk has the operating system and nothing of ours",
    "AwsSolutions::AwsSolutions-EC28": "The NAT instance is for stages where a minute more or less does not count",
    "AwsSolutions::AwsSolutions-EC29": "The NAT instance keeps nothing: another one takes its place",
}
_KINDS = ec2.SubnetType


class NewVpc(Construct):
    """`address` is the one that Feishu sees; a NAT instance has another one after each replacement, so none is told."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: sections.Network,
        log_key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, name)
        self.address: str | None = None
        instance = _instance() if settings.nat == "instance" else None
        self.vpc = self._vpc(settings, instance or self._gateway())
        if instance:
            instance.security_group.add_ingress_rule(
                ec2.Peer.ipv4(settings.cidr), ec2.Port.all_traffic(), "From inside"
            )
        self._log_refused(log_key, log_retention)
        self.network = self._network()
        accept(self, _ACCEPTED)

    def _gateway(self) -> ec2.NatProvider:
        """One for all zones: a second would be a second address, and a failed send is tried again anyway."""
        address = ec2.CfnEIP(self, "Address", domain="vpc")
        Tags.of(address).add("Name", "Hongyan, as Feishu sees it")
        self.address = address.ref
        return ec2.NatProvider.gateway(eip_allocation_ids=[address.attr_allocation_id])

    def _vpc(self, settings: sections.Network, nat: ec2.NatProvider) -> ec2.Vpc:
        return ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.cidr),
            max_azs=settings.zones,
            nat_gateways=1,
            nat_gateway_provider=nat,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public", subnet_type=_KINDS.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Functions", subnet_type=_KINDS.PRIVATE_WITH_EGRESS),
                ec2.SubnetConfiguration(name="Data", subnet_type=_KINDS.PRIVATE_ISOLATED, cidr_mask=26),
            ],
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )

    def _log_refused(self, key: kms.IKey, retention: logs.RetentionDays) -> None:
        """What was let through is MySQL's and Feishu's, and logged by the functions."""
        group = logs.LogGroup(
            self, "Refused", retention=retention, encryption_key=key, removal_policy=RemovalPolicy.DESTROY
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    def _network(self) -> Network:
        group = ec2.SecurityGroup(
            self, "Functions", vpc=self.vpc, description="Hongyan: the functions; nothing comes in"
        )
        return Network(vpc=self.vpc, subnets=self.vpc.private_subnets, security_groups=[group])


def _instance() -> ec2.NatInstanceProviderV2:
    """The smallest one; only the VPC may use it, for which the rule is added when the VPC is there."""
    return ec2.NatProvider.instance_v2(
        instance_type=ec2.InstanceType("t4g.nano"),
        default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
    )
