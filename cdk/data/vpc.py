"""Makes a new VPC, over two zones or more.

It has public subnets for NAT only, private ones with a way out, and isolated ones for MySQL and, with endpoints, for
the functions that need no way out. The subnets are the same with and without endpoints, and whatever the number of
zones, so a running stage may change both.
"""

from collections.abc import Sequence

from aws_cdk import Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.data.endpoints import Endpoints, answers_endpoint
from cdk.data.nat_instance import nat_instance
from cdk.data.network import Network, Place
from cdk.findings import accept
from cdk.log_key import seldom_read
from cdk.settings.sections.network import NewVpc, room_for_zones, zones

_ACCEPTED = {
    "AwsSolutions::AwsSolutions-EC26": "The NAT instance's disk has the operating system and nothing of ours",
    "AwsSolutions::AwsSolutions-EC28": "The NAT instance is for stages where a minute more or less does not count",
    "AwsSolutions::AwsSolutions-EC29": "The NAT instance keeps nothing: another one takes its place",
}
_KINDS = ec2.SubnetType


class Vpc(Construct):
    """Feishu sees calls from `addresses`, which stay when the NAT behind them is replaced."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: NewVpc,
        polled: bool,
        log_key: kms.IKey,
        log_retention: logs.RetentionDays,
        log_class: str,
    ) -> None:
        """`polled` says whether Lambda's Kafka poller calls from this VPC."""
        super().__init__(scope, name)
        gateways = zones(settings) if settings.nat == "gateway_per_zone" else 1
        addresses = [self._address(f"Address{it or ''}") for it in range(gateways)]
        self.addresses = [it.ref for it in addresses]
        instance = nat_instance() if settings.nat == "instance" else None
        self.vpc = self._vpc(settings, instance or _gateway(addresses), gateways)
        if instance:
            self._attach(instance, addresses[0], settings.cidr)
        answers_endpoint(self.vpc)
        self._log_refused(log_key, log_retention, logs.LogGroupClass(log_class))
        self._closed: list[ec2.SecurityGroup] = []
        self.network = self._network(
            Endpoints(self, "Endpoints", vpc=self.vpc, polled=polled) if settings.endpoints else None
        )
        accept(self, _ACCEPTED)

    def let_out_to_mysql(self, port: int) -> None:
        """Lets functions reach a MySQL known only by its name. Whoever peers the networks adds the routes to it."""
        for group in self._closed:
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "MySQL, wherever it is")

    def _address(self, name: str) -> ec2.CfnEIP:
        address = ec2.CfnEIP(self, name, domain="vpc")
        Tags.of(address).add("Name", "Hongyan, as Feishu sees it")
        return address

    def _attach(self, instance: ec2.NatInstanceProviderV2, address: ec2.CfnEIP, cidr: str) -> None:
        """Only the VPC may use the instance. A replacement gets the same address."""
        instance.security_group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.all_traffic(), "From inside")
        address.instance_id = instance.gateway_instances[0].instance_id

    def _vpc(self, settings: NewVpc, nat: ec2.NatProvider, gateways: int) -> ec2.Vpc:
        return ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.cidr),
            max_azs=zones(settings),
            reserved_azs=room_for_zones(settings.cidr) - zones(settings),
            nat_gateways=gateways,
            nat_gateway_provider=nat,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public", subnet_type=_KINDS.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Functions", subnet_type=_KINDS.PRIVATE_WITH_EGRESS),
                ec2.SubnetConfiguration(name="Data", subnet_type=_KINDS.PRIVATE_ISOLATED, cidr_mask=26),
            ],
        )

    def _log_refused(self, key: kms.IKey, retention: logs.RetentionDays, kind: logs.LogGroupClass) -> None:
        """Logs only refused packets, because the functions log their own calls."""
        group = seldom_read(self, "Refused", kind, retention=retention, encryption_key=key)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    def _network(self, endpoints: Endpoints | None) -> Network:
        # Any destination is allowed, because the Kafka poller uses this group too and brokers may be anywhere.
        anywhere = ec2.SecurityGroup(
            self, "Functions", vpc=self.vpc, description="Hongyan: the functions; nothing comes in"
        )
        sender = self._group("Sender", "Hongyan: send, to Feishu and AWS by HTTPS, and to MySQL; nothing comes in")
        sender.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Feishu, and AWS where there is no endpoint")
        places = {"send": Place(subnets=self.vpc.private_subnets, security_groups=[sender])}
        if endpoints:
            places |= self._inside(endpoints, anywhere, sender)
        return Network(
            vpc=self.vpc,
            subnets=self.vpc.private_subnets,
            security_groups=[anywhere],
            places=places,
            data_subnets=self.vpc.isolated_subnets,
            endpoints=endpoints,
        )

    def _inside(self, endpoints: Endpoints, anywhere: ec2.SecurityGroup, sender: ec2.SecurityGroup) -> dict[str, Place]:
        """These subnets have no route out. A group's rules say which of MySQL, the endpoints and S3 it may reach."""
        # A changed description would replace the group, so it still names only the first two functions.
        group = self._group("Inside", "Hongyan: ingest and claim, to MySQL and endpoints; nothing comes in")
        endpoints.let_in([group, sender, anywhere])
        isolated = self.vpc.isolated_subnets
        place = Place(subnets=isolated, security_groups=[group])
        # S3 takes migrate's answer to CloudFormation; a narrower rule would have to name the region's prefix list.
        migrate = Place(subnets=isolated, security_groups=[anywhere])
        return {"ingest": place, "claim": place, "prune": place, "migrate": migrate}

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, name, vpc=self.vpc, description=description, allow_all_outbound=False)
        self._closed.append(group)
        return group


def _gateway(addresses: Sequence[ec2.CfnEIP]) -> ec2.NatProvider:
    return ec2.NatProvider.gateway(eip_allocation_ids=[it.attr_allocation_id for it in addresses])
