"""Where Kafka is, and how a function that speaks to it logs in."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from delivery.aws.settings.types import BrokerAddress, ClusterArn
from delivery.aws.variables import FunctionSettings

KafkaLogin = Annotated[
    Literal["IAM", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS", "NONE"],
    Field(title="one of IAM, SCRAM-SHA-512, SCRAM-SHA-256, PLAIN, TLS, NONE"),
]
_WITHOUT_SECRET = ("IAM", "NONE")
_OF_MSK = ("IAM", "SCRAM-SHA-512", "TLS")
_OF_OTHERS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS", "NONE")


class WithKafka(FunctionSettings):
    """An MSK cluster or brokers by address, and the login that they take."""

    #: MSK tells this cluster's addresses. Without a cluster, `kafka_bootstrap_servers` has them.
    kafka_cluster_arn: ClusterArn | Literal[""] = ""
    kafka_bootstrap_servers: tuple[BrokerAddress, ...] = Field((), validate_default=True, strict=False)
    #: The cluster belongs to another account and is reached over an MSK VPC connection.
    kafka_vpc_connection: bool = False
    #: IAM logs in as the function's role (MSK only). TLS logs in with a client certificate.
    kafka_login: KafkaLogin
    #: The user and password, or the client certificate, in the shape that Lambda's Kafka event sources expect.
    kafka_auth_secret_arn: str = Field("", validate_default=True)
    #: The private authority that signed the brokers' certificates. Empty means a public one.
    kafka_ca_secret_arn: str = ""

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _or_cluster(cls, servers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if bool(servers) == bool(info.data.get("kafka_cluster_arn")):
            raise PydanticCustomError("kafka", "Give either it or KAFKA_CLUSTER_ARN")
        return servers

    @field_validator("kafka_login")
    @classmethod
    def _that_the_brokers_know(cls, login: str, info: ValidationInfo) -> str:
        known = _OF_MSK if info.data.get("kafka_cluster_arn") else _OF_OTHERS
        if login not in known:
            raise PydanticCustomError("kafka", "Give one that these brokers take: {known}", {"known": ", ".join(known)})
        return login

    @field_validator("kafka_auth_secret_arn")
    @classmethod
    def _as_the_login_needs(cls, secret_arn: str, info: ValidationInfo) -> str:
        login = info.data.get("kafka_login")
        if login and bool(secret_arn) == (login in _WITHOUT_SECRET):
            raise PydanticCustomError("kafka", "Give it for a login by password or certificate, and for no other")
        return secret_arn
