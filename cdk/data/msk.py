"""Makes a new MSK cluster.

Clients log in with their IAM roles, over TLS. Brokers are in the subnets of the functions with a way out, because
Lambda's poller has its interfaces in the cluster's own subnets and security group, and calls Lambda and STS from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnOutput, CfnResource, RemovalPolicy, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_msk as msk
from constructs import Construct

from cdk.data.msk_arns import MskArns
from cdk.data.names import own_name
from cdk.data.network import Network
from cdk.log_key import seldom_read
from cdk.settings.sections.kafka import Brokers, ProvisionedMsk, ServerlessMsk
from cdk.settings.sections.network import MOST_OF_MSK

#: The port for IAM logins from within the VPC.
IAM_PORT = ec2.Port.tcp(9098)
#: Storage grows when this share of it is used.
_GROWS_AT_PERCENT = 70
#: Kafka's default.
_COPIES_OF_INTERNAL_TOPICS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The facts about a cluster that the delivery stack needs."""

    arns: MskArns
    name: str
    #: The number of brokers, which CloudWatch numbers from 1. Zero for MSK Serverless.
    brokers: int
    #: Copies of each partition; None if MSK decides.
    replication: int | None


class Msk(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: str,
        topic: str,
        group: str,
        settings: ProvisionedMsk | ServerlessMsk,
        network: Network,
        log_key: kms.IKey,
        log_retention: logs.RetentionDays,
        log_class: str,
        keep: bool,
    ) -> None:
        super().__init__(scope, name)
        self._name, self._network = own_name(stage), network
        self._topic, self._consumers = topic, group
        self._policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY
        self._group = self._let_in()
        self._let_in_to_endpoints()
        if isinstance(settings, ServerlessMsk):
            self.cluster = self._serverless()
        else:
            log = seldom_read(
                self, "Brokers", logs.LogGroupClass(log_class), retention=log_retention, encryption_key=log_key
            )
            self.cluster = self._provisioned(settings.brokers, settings.replication, log)

    def _let_in(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=self._network.vpc,
            description="Hongyan: Kafka brokers and the poller of Lambda; it comes in, and the functions",
            allow_all_outbound=False,
        )
        group.connections.allow_internally(IAM_PORT, "From the poller, which is in this group, too")
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "From the poller to Lambda and STS")
        for functions in self._network.security_groups:
            group.connections.allow_from(functions, IAM_PORT, "From the functions")
        return group

    def _subnets(self) -> list[str]:
        return [subnet.subnet_id for subnet in self._network.subnets]

    def _let_in_to_endpoints(self) -> None:
        """Lets in the poller, which is in the cluster's group. With endpoints it reaches Lambda and STS only there."""
        if self._network.endpoints:
            self._network.endpoints.let_in([self._group])

    def _serverless(self) -> Cluster:
        cluster = msk.CfnServerlessCluster(
            self,
            "Cluster",
            cluster_name=self._name,
            client_authentication={"sasl": {"iam": {"enabled": True}}},
            vpc_configs=[{"subnetIds": self._subnets(), "securityGroups": [self._group.security_group_id]}],
        )
        self._kept(cluster)
        return Cluster(arns=self._tell(cluster.attr_arn), name=self._tell_name(), brokers=0, replication=None)

    def _provisioned(self, brokers: Brokers, replication: int | None, log: logs.LogGroup) -> Cluster:
        subnets = self._subnets()[:MOST_OF_MSK]
        number, copies = brokers.per_zone * len(subnets), replication or len(subnets)
        cluster = msk.CfnCluster(
            self,
            "Cluster",
            cluster_name=self._name,
            kafka_version=brokers.version,
            number_of_broker_nodes=number,
            broker_node_group_info=self._brokers(brokers, subnets),
            client_authentication={"sasl": {"iam": {"enabled": True}}, "unauthenticated": {"enabled": False}},
            configuration_info=self._configuration(copies, min(number, _COPIES_OF_INTERNAL_TOPICS)),
            encryption_info={
                "encryptionInTransit": {"clientBroker": "TLS", "inCluster": True},
                "encryptionAtRest": {"dataVolumeKmsKeyId": brokers.storage_key_arn or self._key().key_arn},
            },
            logging_info={"brokerLogs": {"cloudWatchLogs": {"enabled": True, "logGroup": log.log_group_name}}},
        )
        self._kept(cluster)
        if brokers.storage_max_gb:
            self._grow(cluster, brokers)
        return Cluster(arns=self._tell(cluster.attr_arn), name=self._tell_name(), brokers=number, replication=copies)

    def _brokers(self, brokers: Brokers, subnets: Sequence[str]) -> dict[str, Any]:
        return {
            "instanceType": f"kafka.{brokers.instance_class}",
            "clientSubnets": subnets,
            "securityGroups": [self._group.security_group_id],
            "storageInfo": {"ebsStorageInfo": {"volumeSize": brokers.storage_gb}},
        }

    def _configuration(self, copies: int, internal: int) -> dict[str, Any]:
        """Lets producers write with one copy out of sync, because MSK restarts brokers to patch them.

        Kafka makes its internal topics with three copies by default. With only two brokers it could not make them, and
        no consumer group could commit (KIP-115, apache/kafka#2177). MSK's page "Default Amazon MSK configuration" has
        no value of its own and says that Kafka's default applies.
        """
        properties = {
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": max(1, copies - 1),
            "offsets.topic.replication.factor": internal,
            "transaction.state.log.replication.factor": internal,
            "transaction.state.log.min.isr": max(1, internal - 1),
            "unclean.leader.election.enable": "false",  # a lagging leader would lose records that producers think safe
        }
        configuration = msk.CfnConfiguration(
            self,
            "Configuration",
            name=self._name,
            server_properties="\n".join(f"{key}={value}" for key, value in properties.items()),
        )
        self._kept(configuration)
        return {"arn": configuration.attr_arn, "revision": configuration.attr_latest_revision_revision}

    def _key(self) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            description="Hongyan: encrypts what Kafka keeps",
            enable_key_rotation=True,
            removal_policy=self._policy,
        )

    def _grow(self, cluster: msk.CfnCluster, brokers: Brokers) -> None:
        """Grows the storage. MSK waits for hours between two steps and never shrinks it."""
        dimension = "kafka:broker-storage:VolumeSize"
        target = scaling.CfnScalableTarget(
            self,
            "Storage",
            service_namespace="kafka",
            scalable_dimension=dimension,
            resource_id=cluster.attr_arn,
            min_capacity=1,
            max_capacity=brokers.storage_max_gb or brokers.storage_gb,
        )
        scaling.CfnScalingPolicy(
            self,
            "Growth",
            policy_name=f"{self._name}-storage",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration={
                "predefinedMetricSpecification": {"predefinedMetricType": "KafkaBrokerStorageUtilization"},
                "targetValue": _GROWS_AT_PERCENT,
                "disableScaleIn": True,
            },
        )

    def _tell(self, cluster: str) -> MskArns:
        """Outputs the ARNs that a producer's policy needs."""
        arns = MskArns.of(cluster, topic=self._topic, group=self._consumers)
        for name, value in {"Cluster": arns.cluster, "Topic": arns.topic, "Group": arns.group}.items():
            CfnOutput(Stack.of(self), f"Kafka{name}Arn", value=value)
        return arns

    def _tell_name(self) -> str:
        """Exports the name, because the same expression in the other stack would use that stack's id."""
        stack = Stack.of(self)
        return stack.export_value(self._name, name=f"{stack.stack_name}:KafkaClusterName")

    def _kept(self, resource: CfnResource) -> None:
        resource.apply_removal_policy(self._policy)
