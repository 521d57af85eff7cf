"""What librdkafka is told of the brokers and of the login, for each kind of cluster and login."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from delivery.aws.kafka import connection as room
from delivery.aws.kafka.connection import connection
from delivery.aws.settings.relay import RelaySettings
from tests.unit.aws.test_settings import BROKERS, CLUSTER, DATABASE, KAFKA_SECRET

CA_SECRET = "arn:aws:secretsmanager:eu-west-1:1:secret:ca"
USER = {"username": "hongyan", "password": "the password"}
CLIENT = {"certificate": "PEM of the chain", "privateKey": "PEM of the key"}


@dataclass
class Aws:
    """MSK and Secrets Manager, which are asked for what a test gives them."""

    secrets: dict[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        return {"SecretString": json.dumps(self.secrets[SecretId])}

    def get_bootstrap_brokers(self, *, ClusterArn: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        assert ClusterArn == CLUSTER["KAFKA_CLUSTER_ARN"]
        return self.addresses


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    aws = Aws(secrets={CA_SECRET: {"certificate": "PEM of the authority"}})
    monkeypatch.setattr(room, "client", lambda service: aws)
    return aws


def told(**variables: str) -> dict[str, Any]:
    given = BROKERS if "KAFKA_CLUSTER_ARN" not in variables else {}
    return dict(connection(RelaySettings.read({**DATABASE, **given, **variables})))


def test_brokers_of_this_machine_are_spoken_to_in_clear(aws: Aws) -> None:
    """They ask for no login, and no authority is known."""
    assert told() == {"bootstrap.servers": "kafka-1:9092,kafka-2:9092", "security.protocol": "PLAINTEXT"}


def test_without_a_login_a_known_authority_means_tls(aws: Aws) -> None:
    assert told(KAFKA_CA_SECRET_ARN=CA_SECRET) == {
        "bootstrap.servers": "kafka-1:9092,kafka-2:9092",
        "security.protocol": "SSL",
        "ssl.ca.pem": "PEM of the authority",
    }


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_a_password_never_travels_in_clear(aws: Aws, mechanism: str) -> None:
    """The secret has the shape that Lambda's event sources take."""
    aws.secrets[KAFKA_SECRET["KAFKA_AUTH_SECRET_ARN"]] = USER
    assert told(KAFKA_LOGIN=mechanism, **KAFKA_SECRET) == {
        "bootstrap.servers": "kafka-1:9092,kafka-2:9092",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "probe",
        "sasl.mechanism": mechanism,
        "sasl.username": "hongyan",
        "sasl.password": "the password",
    }


@pytest.mark.parametrize("password", [None, "of the key"])
def test_a_client_certificate_comes_with_its_key_which_may_be_encrypted(aws: Aws, password: str | None) -> None:
    secret = {**CLIENT, "privateKeyPassword": password} if password else CLIENT
    aws.secrets[KAFKA_SECRET["KAFKA_AUTH_SECRET_ARN"]] = secret
    assert told(KAFKA_LOGIN="TLS", KAFKA_CA_SECRET_ARN=CA_SECRET, **KAFKA_SECRET) == {
        "bootstrap.servers": "kafka-1:9092,kafka-2:9092",
        "security.protocol": "SSL",
        "ssl.ca.pem": "PEM of the authority",
        "ssl.certificate.pem": "PEM of the chain",
        "ssl.key.pem": "PEM of the key",
        **({"ssl.key.password": password} if password else {}),
    }


@pytest.mark.parametrize(
    ("login", "through", "name"),
    [
        ("IAM", "false", "BootstrapBrokerStringSaslIam"),
        ("SCRAM-SHA-512", "false", "BootstrapBrokerStringSaslScram"),
        ("TLS", "false", "BootstrapBrokerStringTls"),
        ("IAM", "true", "BootstrapBrokerStringVpcConnectivitySaslIam"),
        ("SCRAM-SHA-512", "true", "BootstrapBrokerStringVpcConnectivitySaslScram"),
        ("TLS", "true", "BootstrapBrokerStringVpcConnectivityTls"),
    ],
)
def test_msk_has_addresses_of_its_own_for_each_login(aws: Aws, login: str, through: str, name: str) -> None:
    """And others for whoever comes through a VPC connection."""
    aws.addresses[name] = "b-1.example:9098"
    variables = {**CLUSTER, "KAFKA_LOGIN": login, "KAFKA_VPC_CONNECTION": through}
    if login != "IAM":
        aws.secrets[KAFKA_SECRET["KAFKA_AUTH_SECRET_ARN"]] = {**USER, **CLIENT}
        variables |= KAFKA_SECRET
    assert told(**variables)["bootstrap.servers"] == "b-1.example:9098"


def test_msk_s_iam_is_a_token_of_the_cluster_s_region(aws: Aws) -> None:
    aws.addresses["BootstrapBrokerStringSaslIam"] = "b-1.example:9098"
    login = told(**CLUSTER, KAFKA_LOGIN="IAM")
    assert (login["security.protocol"], login["sasl.mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
    assert callable(login["oauth_cb"])


def test_a_cluster_that_does_not_take_the_login_is_named(aws: Aws) -> None:
    """MSK leaves such addresses out."""
    aws.addresses["BootstrapBrokerStringTls"] = "b-1.example:9094"
    with pytest.raises(LookupError, match="does not take the login IAM"):
        told(**CLUSTER, KAFKA_LOGIN="IAM")
