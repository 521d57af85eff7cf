"""docs/producers.md: its examples are those of the package, and they do what the page says.

Those that need MySQL or a broker are run in tests/integration/producer.
"""

import json
import os
import subprocess
from pathlib import Path

from cdk.build.node import packaged_node
from delivery.domain.contract import Accepted
from docs.event_tables import PAGE, example_of
from tests.producer_pages import PAGE as PRODUCERS
from tests.producer_pages import README, block, blocks
from tests.unit.samples import judge

EVENT = example_of(PAGE.read_text())
_KAFKAJS = """
exports.Partitioners = { DefaultPartitioner: "murmur2" };
exports.Kafka = class {
  producer(options) {
    return { connect() {}, disconnect() {}, send(sent) { console.log(JSON.stringify({ ...options, ...sent })); } };
  }
};
"""


def test_the_package_s_readme_has_the_same_examples() -> None:
    """What is run of the one is run of the other."""
    assert blocks(README, "python") == blocks(PRODUCERS, "python")
    assert len(blocks(README, "python")) == 3


def test_the_node_producer_publishes_the_event(tmp_path: Path) -> None:
    """With a stand-in for kafkajs that prints what it is told to send: the package itself is not installed here."""
    (tmp_path / "event.json").write_text(json.dumps(EVENT, ensure_ascii=False), encoding="utf-8")
    package = tmp_path / "node_modules" / "kafkajs"
    package.mkdir(parents=True)
    (package / "index.js").write_text(_KAFKAJS)
    (tmp_path / "publish.js").write_text(block("kafkajs", language="javascript"))
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
    command = [str(packaged_node()), "publish.js"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    sent = json.loads(done.stdout)
    assert (sent["topic"], sent["acks"], sent["createPartitioner"]) == ("smartflow.notification.outbox", -1, "murmur2")
    [message] = sent["messages"]
    assert message["key"] == "7"
    assert isinstance(judge(message["value"].encode()), Accepted)
