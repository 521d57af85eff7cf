"""What a function needs to write to the topic itself: where the brokers are, how to log in, and the rights for that."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from cdk.data.msk_arns import MskArns
from cdk.delivery.kafka.login import FIND_BROKERS, Login, grant
from cdk.settings.environment import environment
from cdk.settings.sections.kafka import ExistingMsk, Kafka, NewKafka, OwnBrokers
from delivery.aws.settings.kafka import WithKafka


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    environment: Mapping[str, str]
    #: None if it logs in with the function's role or not at all.
    login: Login | None
    #: The ARNs of an MSK cluster, which tells its brokers' addresses and may know functions by their roles.
    msk: MskArns | None

    @classmethod
    def of(cls, settings: Kafka, *, made: MskArns | None) -> "Writer":
        """`made` holds the ARNs of a cluster that the data stack made."""
        match settings:
            case OwnBrokers():
                place = {"kafka_bootstrap_servers": settings.bootstrap_servers}
                return cls._as(_login(settings) or "NONE", Login.of(settings), msk=None, **place)
            case ExistingMsk():
                arns = MskArns.of(settings.cluster_arn, topic=settings.topic, group=settings.group)
                connected = settings.vpc_connection_arn is not None
                return cls._as(_login(settings) or "IAM", Login.of(settings), msk=arns, kafka_vpc_connection=connected)
            case NewKafka() if made:
                return cls._as("IAM", None, msk=made)
        raise ValueError("a new Kafka is written to on the cluster that the data stack made")

    @classmethod
    def _as(cls, name: str, login: Login | None, *, msk: MskArns | None, **place: object) -> "Writer":
        given = {
            "kafka_cluster_arn": msk.cluster if msk else "",
            "kafka_bootstrap_servers": (),
            "kafka_vpc_connection": False,
            **place,
            "kafka_login": name,
            "kafka_auth_secret_arn": (login and login.secret) or "",
            "kafka_ca_secret_arn": (login and login.authority) or "",
        }
        return cls(environment=environment(WithKafka, given), login=login, msk=msk)

    def grant(self, role: iam.Role) -> None:
        if self.login:
            self.login.grant(role)
        if self.msk:
            grant(role, [FIND_BROKERS], "*")
        if self.msk and not self.login:
            _grant_write(role, self.msk)


def _login(settings: ExistingMsk | OwnBrokers) -> str | None:
    return settings.auth_mechanism if settings.auth_secret_arn else None


def _grant_write(role: iam.Role, msk: MskArns) -> None:
    """Grants what MSK's page "Common use cases for client authorization policy" lists for an idempotent producer.

    The right to write idempotently is on the cluster ("Semantics of IAM authorization policy actions and resources").
    """
    grant(role, ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], msk.cluster)
    grant(role, ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], msk.topic)
