"""The alarms of the relay, where a stage has one."""

from collections.abc import Iterator

from cdk.delivery.function import StageFunction
from cdk.delivery.relay import EVERY
from cdk.watch.alarm import Alarm, at_least, less_than, more_than
from cdk.watch.metrics import Metrics

_MISSED_TICKS = 5
_LATE_MINUTES = 10


def of_relay(relay: StageFunction, metrics: Metrics) -> Iterator[Alarm]:
    yield Alarm(
        name="RelayStopped",
        says=f"The relay missed {_MISSED_TICKS} ticks of its schedule",
        metric=metrics.of_function(relay, "Invocations", "Sum").with_(period=EVERY),
        when=less_than(1),
        periods=_MISSED_TICKS,
        when_silent=True,  # only the relay reports how long rows wait
    )
    yield Alarm(
        name="OutboxWaits",
        says=f"A row of the outbox has waited for Kafka for more than {_LATE_MINUTES} minutes",
        metric=metrics.oldest_pending_age(),
        when=more_than(60 * _LATE_MINUTES),
    )
    yield Alarm(
        name="OutboxDead",
        says="Rows of the outbox never got to Kafka: they are unreadable, or Kafka refused them for good",
        metric=metrics.count("Dead", "relay"),
        when=at_least(1),
    )
    yield Alarm(
        name="KafkaTakesNothing",
        says="Kafka was not there for the relay, or did not let it in, in each of three periods of five minutes",
        metric=metrics.count("KafkaTrouble", "relay"),
        when=at_least(1),
        periods=3,
    )
