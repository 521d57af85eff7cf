"""The Kafka of the local stack: the broker that is to be had here, and the mock, through the same client."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from local.servers.kafka import KafkaCluster, kafka_cluster
from tests.waiting import until

CACHE = Path(__file__).parents[3] / ".local" / "cache"
TOPICS = {"one": 1, "three": 3}

START = """
import sys
from pathlib import Path
from local.servers.kafka import kafka_cluster

with kafka_cluster(Path(sys.argv[1]), cache=Path(sys.argv[2]), topics={"three": 3}) as cluster:
    print("up", cluster.bootstrap_servers, flush=True)
    sys.stdin.read()
"""


def only_on_the_path(patch: pytest.MonkeyPatch, directory: Path, programs: Iterable[Path]) -> None:
    """A machine that has only these programs."""
    patch.delenv("JAVA_HOME", raising=False)
    patch.setenv("PATH", str(directory))
    directory.mkdir()
    for program in programs:
        if not (directory / program.name).is_symlink():
            (directory / program.name).symlink_to(program)


def all_but_java() -> Iterator[Path]:
    """What the PATH has, Java and Maven excepted."""
    for directory in os.environ["PATH"].split(os.pathsep):
        yield from (path for path in Path(directory).glob("*") if path.name not in ("java", "mvn"))


@pytest.fixture(scope="module")
def no_setting():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        yield


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, no_setting: None) -> Iterator[KafkaCluster]:
    """A real one wherever Java or its package is to be had."""
    with kafka_cluster(tmp_path_factory.mktemp("kafka") / "鸿 雁,", cache=CACHE, topics=TOPICS) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def unpacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, no_setting: None
) -> Iterator[KafkaCluster]:
    """A real one without the machine's Java and Maven; their packages stay in the cache."""
    if not (shutil.which("java") or shutil.which("mvn") or "JAVA_HOME" in os.environ):
        yield request.getfixturevalue("broker")  # which had to do without them
        return
    directory = tmp_path_factory.mktemp("unpacked")
    programs = list(all_but_java())
    cache = CACHE / "without-java"  # a cache that has the jars would need no Maven
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            only_on_the_path(patch, directory / "bin", programs)
            cluster = stack.enter_context(kafka_cluster(directory / "state", cache=cache, topics=TOPICS))
        yield cluster


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory, no_setting: None) -> Iterator[KafkaCluster]:
    """What runs where there is neither Java nor apt."""
    directory = tmp_path_factory.mktemp("mock")
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            only_on_the_path(patch, directory / "bin", [])
            cluster = stack.enter_context(kafka_cluster(directory, cache=directory / "cache", topics=TOPICS))
        assert cluster.program == "librdkafka's mock cluster (there is no Java on the PATH, and no apt to fetch it)"
        yield cluster


def test_a_broker_that_is_not_installed_is_unpacked(unpacked: KafkaCluster) -> None:
    """Wherever there is apt."""
    assert "from a package unpacked in" in unpacked.program or not shutil.which("apt-get")


@pytest.fixture(params=["broker", "unpacked", "mock"])
def cluster(request: pytest.FixtureRequest) -> KafkaCluster:
    found: KafkaCluster = request.getfixturevalue(request.param)
    return found


def partitions(cluster: KafkaCluster) -> dict[str, int]:
    topics = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=20).topics
    return {name: len(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}


def publish(servers: str, topic: str, partition: int, value: str) -> None:
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(topic, value, partition=partition)
    assert producer.flush(20) == 0


def read(servers: str, topic: str, partition: int) -> str | None:
    """The last value of the partition, or nothing when it is empty."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": uuid4().hex})
    place = TopicPartition(topic, partition)
    low, high = consumer.get_watermark_offsets(place, timeout=20)
    consumer.assign([TopicPartition(topic, partition, max(low, high - 1))])
    message = consumer.poll(20) if high > low else None
    consumer.close()
    return None if message is None else (message.value() or b"").decode()


def test_topics_have_the_partitions_that_were_asked_for(cluster: KafkaCluster):
    """The event source runs one batch per partition at a time, so their number matters."""
    found = partitions(cluster)
    assert {name: found.get(name) for name in TOPICS} == TOPICS


def test_what_is_produced_is_consumed(cluster: KafkaCluster):
    """Over the real protocol, to a partition of choice."""
    publish(cluster.bootstrap_servers, "three", 2, "letter")
    assert read(cluster.bootstrap_servers, "three", 2) == "letter"
    assert read(cluster.bootstrap_servers, "three", 1) is None


def test_a_named_cluster_is_used_and_gets_what_it_lacks(
    broker: KafkaCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Topics that exist stay as they are; nothing is started."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    with kafka_cluster(tmp_path, cache=tmp_path, topics={"one": 7, "three": 3}) as named:
        assert named.bootstrap_servers == broker.bootstrap_servers
        assert named.program.endswith("(KAFKA_BOOTSTRAP_SERVERS)")
        assert partitions(named) == partitions(broker)
    assert list(tmp_path.iterdir()) == []
    assert partitions(broker)["one"] == 1


def test_a_killed_cluster_goes_with_its_parent_and_a_broker_comes_back_with_its_data(tmp_path: Path, no_setting: None):
    """The broker keeps its data on disk, whatever port it listens on next; the mock, in memory, does not."""
    with subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path), str(CACHE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        servers = next(line.split()[1] for line in parent.stdout if line.startswith("up"))
        publish(servers, "three", 1, "letter")
        parent.send_signal(signal.SIGKILL)
    until(lambda: not answers(servers))
    said: list[str] = []
    with kafka_cluster(tmp_path, cache=CACHE, topics={"three": 3}, say=said.append) as again:
        kept = read(again.bootstrap_servers, "three", 1) == "letter"
        assert kept == again.program.startswith("Apache Kafka")
    assert said == []


def answers(servers: str) -> bool:
    host, _, port = servers.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True
