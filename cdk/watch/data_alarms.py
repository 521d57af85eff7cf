"""The alarms of MySQL and Kafka: of the topic whoever has it, of the servers where the data stack made them."""

from collections.abc import Iterator

from cdk.data.msk import Cluster
from cdk.settings.sections.database import NewInstance
from cdk.watch.alarm import Alarm, at_least, less_than, more_than
from cdk.watch.metrics import MOST_IN_AN_ALARM, Metrics, highest

_BUSY_PERCENT, _FREE_PERCENT = 90, 15
#: RDS grows storage when a tenth of it is free, unless it is still growing or has reached its limit.
_FREE_PERCENT_IF_IT_GROWS = 5
_GIGABYTE = 2**30
#: MSK's advice.
_KAFKA_DISK_PERCENT = 85


def of_mysql(new: NewInstance, metrics: Metrics) -> Iterator[Alarm]:
    free = _FREE_PERCENT_IF_IT_GROWS if new.storage_max_gb else _FREE_PERCENT
    yield Alarm(
        name="DatabaseBusy",
        says=f"MySQL used more than {_BUSY_PERCENT} % of its processor in each of three periods of five minutes",
        metric=metrics.of_mysql("CPUUtilization", "Average", label="CPU"),
        when=more_than(_BUSY_PERCENT),
        periods=3,
    )
    yield Alarm(
        name="DatabaseFull",
        says=f"MySQL has less than {free} % of the storage left that it began with",
        metric=metrics.of_mysql("FreeStorageSpace", "Minimum", label="free"),
        when=less_than(new.storage_gb * _GIGABYTE * free // 100),
    )


def of_source(metrics: Metrics) -> Iterator[Alarm]:
    yield Alarm(
        name="KafkaSilent",
        says="Lambda has not polled the topic for a quarter of an hour: it cannot reach the brokers or is not let in",
        metric=metrics.polled(),
        when=less_than(0),  # only missing data sets it off, because an empty poll counts 0
        periods=3,
        when_silent=True,
    )
    yield Alarm(
        name="KafkaPollingErrors",
        says="Lambda failed to poll the topic in each of three periods of five minutes",
        metric=metrics.polling_errors(),
        when=at_least(1),
        periods=3,
    )


def of_brokers(cluster: Cluster, metrics: Metrics) -> Iterator[Alarm]:
    yield Alarm(
        name="KafkaPartitionsOffline",
        says="Partitions have no leader, so nobody can write or read them, for a quarter of an hour",
        metric=metrics.offline_partitions(cluster),
        when=at_least(1),
        periods=3,
    )
    disks = metrics.disk_used(cluster)
    for first in range(0, len(disks), MOST_IN_AN_ALARM):
        some = disks[first : first + MOST_IN_AN_ALARM]
        yield Alarm(
            name="KafkaFull",
            number=first // MOST_IN_AN_ALARM,
            says=f"A broker of {first + 1} to {first + len(some)} used {_KAFKA_DISK_PERCENT} % of its storage",
            metric=highest("broker", some, label="storage, %"),
            when=at_least(_KAFKA_DISK_PERCENT),
        )
