"""librdkafka's mock cluster as a program: `python -m local.servers.mock_kafka ADDRESS_FILE TOPIC:PARTITIONS...`.

It speaks Kafka's protocol to any client, keeps everything in memory, and writes its address to the file when it is up.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import cimpl

_PRODUCER = 0  # rd_kafka_type_t; the cluster needs a client of any type


class MockCluster:
    """One broker in this process."""

    def __init__(self) -> None:
        self._library = _librdkafka()
        reason = ctypes.create_string_buffer(512)
        client = self._library.rd_kafka_new(_PRODUCER, self._library.rd_kafka_conf_new(), reason, len(reason))
        if not client:
            raise OSError(f"librdkafka: {reason.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(client, 1)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def bootstrap_servers(self) -> str:
        return bytes(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)).decode()

    def create_topic(self, name: str, partitions: int) -> None:
        if code := self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1):
            raise OSError(f"librdkafka cannot make topic {name!r} with {partitions} partitions: code {code}")


def _librdkafka() -> ctypes.CDLL:
    """The library inside confluent-kafka, loaded through the extension module that is linked to it."""
    library = ctypes.CDLL(cimpl.__file__)
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    return library


def main() -> None:
    address, topics = Path(sys.argv[1]), _parsed(sys.argv[2:])
    cluster = MockCluster()
    for name, partitions in topics.items():
        cluster.create_topic(name, partitions)
    written = address.with_name(f"{address.name}.{os.getpid()}")
    written.write_text(cluster.bootstrap_servers)
    written.rename(address)
    signal.pause()


def _parsed(arguments: list[str]) -> Mapping[str, int]:
    pairs = [argument.rpartition(":") for argument in arguments]
    return {name: int(partitions) for name, _, partitions in pairs}


if __name__ == "__main__":
    main()
