"""The topic function on a real Kafka broker, as CloudFormation calls it at a deployment and a person by hand."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from delivery.aws.kafka import admin as kafka_admin
from delivery.aws.kafka import connection
from delivery.aws.wiring import topic as wiring
from delivery.deployment.failure import DeploymentError
from functions.topic.handler import handler
from local.machine.ports import free_port
from local.servers import kafka_broker
from local.servers.kafka import KafkaCluster, kafka_cluster
from tests.integration.deployment.deployments import IDS, OK, answer_of, context
from tests.unit.feishu.raw_server import RawServer, raw_server
from tests.waiting import until

CACHE = Path(__file__).parents[3] / ".local" / "cache"
CLUSTER = "arn:aws:kafka:eu-west-1:111111111111:cluster/hongyan-dev/0a1b2c3d-1"
HOUR_MS = 3_600_000
_names = count(1)

Ask = Callable[..., None]


#: beside the plain listener one that asks for a token, as MSK does; this broker's tokens need no signature
PROPERTIES = """\
default.replication.factor=2
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=OAUTHBEARER
listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
"""


@pytest.fixture(scope="module")
def token_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, token_port: int) -> Iterator[KafkaCluster]:
    plain = "PLAINTEXT://127.0.0.1:{port}"
    listening = kafka_broker._PROPERTIES.replace(plain, f"{plain},SASL_PLAINTEXT://127.0.0.1:{token_port}")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        patch.setattr(kafka_broker, "_PROPERTIES", listening + PROPERTIES)
        with kafka_cluster(tmp_path_factory.mktemp("kafka"), cache=CACHE, topics={}) as cluster:
            if not cluster.program.startswith("Apache Kafka"):
                pytest.skip(f"only a real broker makes topics, and here runs {cluster.program}")
            yield cluster


@pytest.fixture
def name() -> str:
    return f"topic.{next(_names)}"


@pytest.fixture(autouse=True)
def ask(monkeypatch: pytest.MonkeyPatch, broker: KafkaCluster, name: str) -> Iterator[Ask]:
    """Deploys the function's environment; MSK is this machine's broker, which asks for no login."""

    def deploy(*, partitions: int = 3, replication: int = 1, hours: int = 24) -> None:
        asked = {"PARTITIONS": partitions, "REPLICATION": replication, "RETENTION_HOURS": hours}
        for key, value in asked.items():
            monkeypatch.setenv(f"TOPIC_{key}", str(value))
        wiring.topic_maker.cache_clear()

    monkeypatch.setenv("KAFKA_CLUSTER_ARN", CLUSTER)
    monkeypatch.setenv("KAFKA_TOPIC", name)
    reach(monkeypatch, Aws(broker.bootstrap_servers))
    monkeypatch.setattr(wiring, "iam_login", lambda region: {})
    deploy()
    yield deploy
    wiring.topic_maker.cache_clear()


@pytest.fixture
def cloudformation() -> Iterator[RawServer]:
    with raw_server(OK) as server:
        yield server


class Aws:
    """What the function needs of MSK and of CloudFormation."""

    def __init__(self, servers: str, *, status: str = "UPDATE_IN_PROGRESS") -> None:
        self._servers, self._status = servers, status

    def get_bootstrap_brokers(self, *, ClusterArn: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        assert ClusterArn == CLUSTER
        return {"BootstrapBrokerStringSaslIam": self._servers}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        assert StackName == IDS["StackId"]
        return {"Stacks": [{"StackStatus": self._status}]}


def reach(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> None:
    for module in (wiring, connection):
        monkeypatch.setattr(module, "client", lambda service: aws)


def by_hand() -> dict[str, int] | None:
    return handler({}, context(300))


def deploys(cloudformation: RawServer, kind: str = "Create", *, seconds: float = 300) -> tuple[str, str]:
    """Status and reason of the one answer to a request of this kind."""
    return answer_of(handler, cloudformation, kind, seconds)


def seen(broker: KafkaCluster, name: str) -> SimpleNamespace:
    """The topic as the broker has it, once it tells of it: on a busy machine that is after it was made."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    until(lambda: name in admin.list_topics(timeout=20).topics)
    partitions = admin.list_topics(timeout=20).topics[name].partitions
    (configured,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    copies = {len(partition.replicas) for partition in partitions.values()}
    return SimpleNamespace(
        partitions=len(partitions), copies=copies, kept=int(configured.result()["retention.ms"].value)
    )


def test_a_deployment_makes_the_topic_as_it_is_asked_for(
    cloudformation: RawServer, broker: KafkaCluster, name: str
) -> None:
    """Partitions, copies and retention."""
    assert deploys(cloudformation) == ("SUCCESS", "")
    assert vars(seen(broker, name)) == {"partitions": 3, "copies": {1}, "kept": 24 * HOUR_MS}


def test_copies_may_be_left_to_the_brokers(ask: Ask, cloudformation: RawServer) -> None:
    """MSK Serverless decides itself; this broker would like two, and is alone."""
    ask(replication=0)
    status, reason = deploys(cloudformation)
    assert status == "FAILED"
    assert reason.startswith("Kafka: Unable to replicate the partition 2 time(s)")


def test_by_hand_it_answers_with_the_partitions_and_works_once(broker: KafkaCluster, name: str) -> None:
    """The second time there is nothing to do."""
    assert by_hand() == {"from": 0, "to": 3}
    before = seen(broker, name)
    assert by_hand() == {"from": 3, "to": 3}
    assert seen(broker, name) == before


def test_partitions_are_added_and_the_retention_follows(ask: Ask, broker: KafkaCluster, name: str) -> None:
    """Both without touching what is in the topic."""
    by_hand()
    seen(broker, name)
    ask(partitions=5, hours=48)
    assert by_hand() == {"from": 3, "to": 5}
    assert vars(seen(broker, name)) == {"partitions": 5, "copies": {1}, "kept": 48 * HOUR_MS}


def test_fewer_partitions_are_refused_in_one_line(
    ask: Ask, cloudformation: RawServer, broker: KafkaCluster, name: str
) -> None:
    """Kafka takes none away; the deployment fails and the topic stays as it was, its retention too."""
    by_hand()
    seen(broker, name)
    ask(partitions=2, hours=1)
    reason = f"topic {name} has 3 partitions and 2 are asked for, but Kafka takes none away: ask for 3 or more"
    assert deploys(cloudformation, "Update") == ("FAILED", reason)
    with pytest.raises(DeploymentError, match="takes none away"):
        by_hand()
    assert vars(seen(broker, name)) == {"partitions": 3, "copies": {1}, "kept": 24 * HOUR_MS}


def test_a_rollback_to_fewer_partitions_succeeds(
    ask: Ask, cloudformation: RawServer, broker: KafkaCluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployment that added them failed afterwards; were this refused, the stack could move neither way."""
    ask(partitions=5)
    by_hand()
    seen(broker, name)
    ask(partitions=3)
    aws = Aws(broker.bootstrap_servers, status="UPDATE_ROLLBACK_IN_PROGRESS")
    reach(monkeypatch, aws)
    assert deploys(cloudformation, "Update") == ("SUCCESS", "")
    assert seen(broker, name).partitions == 5


def test_a_deletion_leaves_the_topic(cloudformation: RawServer, broker: KafkaCluster, name: str) -> None:
    """The stack goes, what was published stays."""
    by_hand()
    assert deploys(cloudformation, "Delete") == ("SUCCESS", "")
    assert seen(broker, name).partitions == 3


def test_what_a_broker_refuses_fails_the_deployment_in_its_own_words(ask: Ask, cloudformation: RawServer) -> None:
    """One broker cannot keep three copies."""
    ask(replication=3)
    status, reason = deploys(cloudformation)
    assert status == "FAILED"
    assert reason.startswith("Kafka: Unable to replicate the partition 3 time(s)")


def test_brokers_that_cannot_be_reached_are_waited_for_and_then_named(
    cloudformation: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time to tell the deployment, which would hang without an answer."""
    reach(monkeypatch, Aws("127.0.0.1:1"))
    monkeypatch.setattr(kafka_admin, "_PAUSE_SECONDS", 0.5)
    status, reason = deploys(cloudformation, seconds=33)
    assert status == "FAILED"
    assert reason.startswith("Kafka: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused")


def test_a_person_s_call_is_no_rollback() -> None:
    """Nor is a deployment that goes forward."""
    assert not wiring.is_rolling_back(None)
    assert not wiring.is_rolling_back(IDS["StackId"])


def token(subject: str, *, seconds: float) -> str:
    """As such a broker takes it: base64 without padding, and no signature after the second dot."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": subject, "iat": now - 1, "exp": now + seconds})
    return ".".join(base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=").decode() for it in parts) + "."


def by_token(monkeypatch: pytest.MonkeyPatch, port: int, given: str) -> None:
    """MSK's login, but for TLS and for who makes the token."""
    login = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": lambda _: (given, time.time() + 300),
    }
    reach(monkeypatch, Aws(f"127.0.0.1:{port}"))
    monkeypatch.setattr(wiring, "iam_login", lambda region: login)


def test_a_topic_is_made_by_whoever_has_a_token(
    broker: KafkaCluster, name: str, token_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gives it by itself, at the first connection."""
    by_token(monkeypatch, token_port, token("hongyan", seconds=300))
    assert by_hand() == {"from": 0, "to": 3}
    assert seen(broker, name).partitions == 3


def test_a_refused_token_fails_the_deployment_in_the_broker_s_words(
    cloudformation: RawServer, token_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again until time is up: a new role is not known everywhere at once."""
    by_token(monkeypatch, token_port, token("hongyan", seconds=-100))
    status, reason = deploys(cloudformation, seconds=34)
    assert status == "FAILED"
    assert reason.startswith(f"Kafka: sasl_plaintext://127.0.0.1:{token_port}")
    assert 'SASL authentication error: {"status":"invalid_token"}' in reason
