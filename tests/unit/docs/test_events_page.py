"""docs/events.md: its tables are those of the models, and its examples do what the page says."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from cdk.build.node import packaged_node
from delivery.domain.contract import Accepted, RejectCode, judge
from docs.event_tables import PAGE, PREFIXES, example_of, written
from local.servers.mock_kafka import MockCluster

TEXT = PAGE.read_text()
EVENT = example_of(TEXT)
TOPIC = "smartflow.notification.outbox"
KEY = "7"
#: of six, by Java's and kafkajs's murmur2 (measured with kafkajs 2.2.4)
PARTITIONS, PARTITION_OF_KEY = 6, 3

_KAFKAJS = """
exports.Partitioners = { DefaultPartitioner: "murmur2" };
exports.Kafka = class {
  producer(options) {
    return { connect() {}, disconnect() {}, send(sent) { console.log(JSON.stringify({ ...options, ...sent })); } };
  }
};
"""


def block(language: str, *, holding: str) -> str:
    """The page's code in this language that holds these words."""
    found: list[str] = re.findall(rf"^```{language}\n(.+?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return next(code for code in found if holding in code)


def accepted(value: bytes | None) -> bool:
    return isinstance(judge(value, url_prefixes=PREFIXES), Accepted)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "event.json").write_text(json.dumps(EVENT, ensure_ascii=False), encoding="utf-8")
    return tmp_path


def test_the_tables_are_those_of_the_models() -> None:
    """`make docs` writes them."""
    assert written(TEXT) == TEXT


def test_the_event_to_copy_is_accepted() -> None:
    assert accepted(json.dumps(EVENT).encode())


def test_every_reject_code_is_explained() -> None:
    """And no code that does not exist."""
    codes = re.findall(r"^\| .+ \| `(\w+)` \|$", TEXT.partition("## What happens if")[2], re.MULTILINE)
    assert set(codes) == {code.value for code in RejectCode}


def test_the_dedupe_key_is_built_as_the_page_says() -> None:
    payload = {**EVENT["payload"], "requested_at": datetime.fromisoformat(EVENT["payload"]["requested_at"])}
    built: dict[str, str] = {}
    exec(block("python", holding="dedupe_key ="), payload, built)  # noqa: S102 - the page's own line
    assert built["dedupe_key"] == payload["dedupe_key"]


def test_the_python_producer_publishes_the_event(folder: Path) -> None:
    """To a Kafka broker; the record lands in the partition that other clients choose for its key."""
    cluster = MockCluster()
    cluster.create_topic(TOPIC, PARTITIONS)
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers}
    program = block("python", holding="Producer(")
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, check=True)
    record = first_record(cluster.bootstrap_servers, PARTITION_OF_KEY)
    assert record.key() == KEY.encode()
    assert accepted(record.value())


def first_record(bootstrap_servers: str, partition: int) -> Message:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "page", "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(TOPIC, partition, 0)])
        record = consumer.poll(10)
    finally:
        consumer.close()
    assert record is not None
    assert record.error() is None
    return record


def test_the_node_producer_publishes_the_event(folder: Path) -> None:
    """With a stand-in for kafkajs that prints what it is told to send: the package itself is not installed here."""
    package = folder / "node_modules" / "kafkajs"
    package.mkdir(parents=True)
    (package / "index.js").write_text(_KAFKAJS)
    (folder / "publish.js").write_text(block("javascript", holding="kafkajs"))
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
    command = [str(packaged_node()), "publish.js"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    sent = json.loads(done.stdout)
    assert (sent["topic"], sent["acks"], sent["createPartitioner"]) == (TOPIC, -1, "murmur2")
    assert [message["key"] for message in sent["messages"]] == [KEY]
    assert accepted(sent["messages"][0]["value"].encode())
