"""Each login against a real broker that asks for it over TLS, from secrets in the shape of Lambda's event sources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from delivery.aws.kafka import connection as room
from delivery.aws.kafka.admin import KafkaAdmin
from delivery.aws.kafka.connection import connection
from delivery.aws.kafka.producer import KafkaProducer
from delivery.aws.settings.relay import RelaySettings
from delivery.domain.relaying import Accepted, Delivery, Message, Unavailable
from local.machine.ports import free_port
from local.servers import kafka_broker
from tests.integration.relay.broker import Broker, real_broker
from tests.integration.relay.certificates import Authority
from tests.integration.relay.running import now
from tests.unit.aws.test_settings import DATABASE
from tests.waiting import until

TOPIC = "logins"
PASSWORD = "the relay's password"
KEY_PASSWORD = "of the key"
LOGINS = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS", "TLS with an encrypted key"]

PROPERTIES = """\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_relay="PASSWORD";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=authority.pem
listener.name.ssl.ssl.client.auth=required
""".replace("PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    password = free_port()
    return {"SASL_SSL": password, "SSL": free_port(other_than=[password])}


@pytest.fixture(scope="module")
def broker(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, ports: Mapping[str, int]
) -> Iterator[Broker]:
    """Beside its plain listener it has one for passwords and one for certificates."""
    state: Path = tmp_path_factory.mktemp("kafka")
    pair = authority.signs("a broker")
    (state / "broker.pem").write_text(pair.key + pair.certificate)
    (state / "authority.pem").write_text(authority.pem)
    plain = "PLAINTEXT://127.0.0.1:{port}"
    listeners = ",".join([plain, *(f"{name}://127.0.0.1:{port}" for name, port in ports.items())])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka_broker, "_PROPERTIES", kafka_broker._PROPERTIES.replace(plain, listeners) + PROPERTIES)
        with real_broker(state) as broker:
            broker.make_topic(TOPIC)
            _make_scram_user(broker)
            yield broker


def _make_scram_user(broker: Broker) -> None:
    admin = broker.admin()
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        upsertion = UserScramCredentialUpsertion("relay", ScramCredentialInfo(mechanism, 4_096), PASSWORD.encode())
        admin.alter_user_scram_credentials([upsertion])["relay"].result(60)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> dict[str, Mapping[str, str]]:
    """What Secrets Manager holds, by name."""
    held: dict[str, Mapping[str, str]] = {"ca": {"certificate": authority.pem}}
    asked = SimpleNamespace(get_secret_value=lambda SecretId: {"SecretString": json.dumps(held[SecretId])})  # noqa: N803 - AWS's name
    monkeypatch.setattr(room, "client", lambda service: asked)
    return held


def secret_for(login: str, authority: Authority) -> Mapping[str, str]:
    if not login.startswith("TLS"):
        return {"username": "relay", "password": PASSWORD}
    password = KEY_PASSWORD if "encrypted" in login else ""
    pair = authority.signs("a client", password=password)
    secret = {"certificate": pair.certificate, "privateKey": pair.key}
    return {**secret, "privateKeyPassword": password} if password else secret


def settings_for(login: str, ports: Mapping[str, int]) -> RelaySettings:
    word = login.split(maxsplit=1)[0]
    return RelaySettings.read(
        {
            **DATABASE,
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports['SSL' if word == 'TLS' else 'SASL_SSL']}",
            "KAFKA_LOGIN": word,
            "KAFKA_AUTH_SECRET_ARN": "login",
            "KAFKA_CA_SECRET_ARN": "ca",
        }
    )


def delivered(kafka: KafkaProducer) -> Delivery:
    """What comes of one message."""
    kafka.prepare()
    kafka.send(Message(row_id=1, topic=TOPIC, key=b"7", value=b'{"payload": {"number": 1}}'))
    [(row_id, delivery)] = until(lambda: kafka.answers(within=1))
    assert row_id == 1
    return delivery


@pytest.mark.parametrize("login", LOGINS)
def test_the_relay_logs_in_as_the_stage_says(
    login: str,
    broker: Broker,
    authority: Authority,
    ports: Mapping[str, int],
    secrets: dict[str, Mapping[str, str]],
) -> None:
    """Over TLS whose certificate a private authority signed."""
    secrets["login"] = secret_for(login, authority)
    before = len(broker.arrived(TOPIC))
    settings = settings_for(login, ports)
    assert delivered(KafkaProducer(lambda: connection(settings))) == Accepted()
    assert len(broker.arrived(TOPIC)) == before + 1


@pytest.mark.parametrize("login", LOGINS[:4])
def test_topics_are_made_with_the_same_logins(
    login: str, broker: Broker, authority: Authority, ports: Mapping[str, int], secrets: dict[str, Mapping[str, str]]
) -> None:
    """There is one place that speaks to Kafka."""
    secrets["login"] = secret_for(login, authority)
    told: dict[str, Any] = dict(connection(settings_for(login, ports)))
    assert KafkaAdmin(told.pop("bootstrap.servers"), told).partitions(TOPIC, until=now()) == 3


def test_a_password_that_was_changed_is_read_again(
    broker: Broker, ports: Mapping[str, int], secrets: dict[str, Mapping[str, str]]
) -> None:
    """A refused login is told in the broker's words, and the next set has the new password."""
    secrets["login"] = {"username": "relay", "password": "the old one"}
    settings = settings_for("SCRAM-SHA-512", ports)
    kafka = KafkaProducer(lambda: connection(settings), message_timeout_ms=3_000)
    refused = delivered(kafka)
    assert isinstance(refused, Unavailable)
    assert "SASL authentication error" in refused.words
    assert "the old one" not in refused.words
    secrets["login"] = {"username": "relay", "password": PASSWORD}
    assert delivered(kafka) == Accepted()


def test_a_broker_that_another_authority_vouches_for_is_told_nothing(
    broker: Broker, ports: Mapping[str, int], secrets: dict[str, Mapping[str, str]]
) -> None:
    """Anybody on the way could be it."""
    secrets["login"] = {"username": "relay", "password": PASSWORD}
    secrets["ca"] = {"certificate": Authority().pem}
    settings = settings_for("PLAIN", ports)
    refused = delivered(KafkaProducer(lambda: connection(settings), message_timeout_ms=3_000))
    assert isinstance(refused, Unavailable)
    assert "certificate verify failed" in refused.words
