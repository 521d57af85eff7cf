"""Provides a Kafka cluster: the one that KAFKA_BOOTSTRAP_SERVERS names, a local broker, or a mock in memory."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.machine.processes import CannotStartError, running, wait_until_ready
from local.servers.find_kafka import ApacheKafka, find_apache_kafka
from local.servers.kafka_broker import running_broker
from local.servers.kafka_topics import cluster_name, create_topics


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaCluster:
    bootstrap_servers: str
    #: what is running and where it comes from, in one line
    program: str


@contextmanager
def kafka_cluster(
    state: Path,
    *,
    cache: Path,
    topics: Mapping[str, int],
    port: int | None = None,
    say: Callable[[str], None] = print,
) -> Iterator[KafkaCluster]:
    """A cluster with `topics` (name to partitions) for the length of the block. A local broker's data is in `state`."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip():
        yield _external(servers, topics)
    elif isinstance(found := _found(cache, say), ApacheKafka):
        with running_broker(found, state, port=port, say=say) as servers:
            create_topics(servers, topics)
            yield KafkaCluster(bootstrap_servers=servers, program=str(found))
    else:
        with _mock(state, topics) as servers:
            yield KafkaCluster(bootstrap_servers=servers, program=f"librdkafka's mock cluster ({found})")


def _found(cache: Path, say: Callable[[str], None]) -> ApacheKafka | str:
    """Finds Kafka, or returns one line that says why there is none."""
    try:
        return find_apache_kafka(cache, say=say)
    except CannotStartError as error:
        return str(error)


_ANSWERS_WITHIN_SECONDS = 10.0
_SERVER = re.compile(r"(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})")


def _external(setting: str, topics: Mapping[str, int]) -> KafkaCluster:
    servers = [server.strip() for server in setting.split(",")]
    for server in servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match[1]) < 65_536:
            raise CannotStartError(
                f"KAFKA_BOOTSTRAP_SERVERS: {server!r} should be HOST:PORT (several of them with commas between)"
            )
    bootstrap_servers = ",".join(servers)
    if cluster_name(bootstrap_servers, within=_ANSWERS_WITHIN_SECONDS) is None:
        raise CannotStartError(f"KAFKA_BOOTSTRAP_SERVERS: no Kafka broker answers at {bootstrap_servers} without TLS")
    create_topics(bootstrap_servers, topics)
    return KafkaCluster(
        bootstrap_servers=bootstrap_servers, program=f"Kafka at {bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS)"
    )


@contextmanager
def _mock(state: Path, topics: Mapping[str, int]) -> Iterator[str]:
    """Keeps everything in memory and chooses its own port."""
    address = state / "mock_kafka.address"
    address.unlink(missing_ok=True)
    wanted = [f"{name}:{partitions}" for name, partitions in topics.items()]
    command = [sys.executable, "-m", "local.servers.mock_kafka", str(address), *wanted]
    with running(command, name="librdkafka's mock cluster", log=state / "mock_kafka.log") as process:
        wait_until_ready(process, address.exists)
        yield address.read_text()
