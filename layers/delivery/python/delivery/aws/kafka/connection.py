"""Where Kafka is and how to log in, as the settings say; secrets and MSK's addresses are asked for anew each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.aws.clients import client
from delivery.aws.kafka.login import Login, certificate_login, iam_login, no_login, password_login

if TYPE_CHECKING:
    from delivery.aws.settings.kafka import WithKafka

#: MSK's field with the addresses for each login (API reference, GetBootstrapBrokers).
_MSK_ADDRESSES = {"IAM": "SaslIam", "SCRAM-SHA-512": "SaslScram", "TLS": "Tls"}


def connection(settings: WithKafka) -> Login:
    """The librdkafka settings that reach the brokers.

    Raises:
        LookupError: the cluster has no address that takes this login, or a secret lacks a part.
        botocore.exceptions.ClientError: MSK or Secrets Manager refused.
        OutOfTime: they did not answer.
    """
    return {"bootstrap.servers": _addresses(settings), **_login(settings)}


def msk_addresses(cluster_arn: str, login: str, *, vpc_connection: bool = False) -> str:
    """Asks MSK at each call, because the addresses change when brokers do."""
    known = client("kafka").get_bootstrap_brokers(ClusterArn=cluster_arn)
    name = f"BootstrapBrokerString{'VpcConnectivity' if vpc_connection else ''}{_MSK_ADDRESSES[login]}"
    if name not in known:
        raise LookupError(f"MSK has no {name} of this cluster: it does not take the login {login}")
    return str(known[name])


def region_of(cluster_arn: str) -> str:
    return cluster_arn.split(":")[3]


def _addresses(settings: WithKafka) -> str:
    if not settings.kafka_cluster_arn:
        return ",".join(settings.kafka_bootstrap_servers)
    through = settings.kafka_vpc_connection
    return msk_addresses(settings.kafka_cluster_arn, settings.kafka_login, vpc_connection=through)


def _login(settings: WithKafka) -> Login:
    authority = _secret(settings.kafka_ca_secret_arn) if settings.kafka_ca_secret_arn else None
    match settings.kafka_login:
        case "IAM":
            return iam_login(region_of(settings.kafka_cluster_arn))
        case "NONE":
            return no_login(authority=authority)
        case "TLS":
            return certificate_login(_secret(settings.kafka_auth_secret_arn), authority=authority)
        case mechanism:
            return password_login(mechanism, _secret(settings.kafka_auth_secret_arn), authority=authority)


def _secret(arn: str) -> str:
    said: Any = client("secretsmanager").get_secret_value(SecretId=arn)
    return str(said["SecretString"])
