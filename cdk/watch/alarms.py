"""The alarms of a stage: what each watches, when it goes off, and what it says.

docs/runbook.md explains each of them by its name. A threshold either follows from a setting or has its reason here.
"""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from cdk.settings.sections.database import NewMySql
from cdk.settings.stage import StageSettings
from cdk.watch.alarm import Alarm, at_least, less_than, more_than
from cdk.watch.alarm_topic import alarm_topic
from cdk.watch.data_alarms import of_brokers, of_mysql, of_source
from cdk.watch.metrics import FIVE_MINUTES, Metrics, total
from cdk.watch.relay_alarms import of_relay
from cdk.watch.retention_alarms import of_retention

_QUARTER_HOUR = Duration.minutes(15)
_LATE_SECONDS = 10 * 60
#: With fewer in a period, a percentage is mostly chance.
_FEW = 10
_DEAD_PERCENT, _FAILED_PERCENT = 5, 50
_MISSED_TICKS = 5


class Alarms(Construct):
    """All alarms of a stage. A topic, if there is one, is told when an alarm goes off and when it is over."""

    def __init__(self, scope: Construct, name: str, *, stage: StageSettings, metrics: Metrics) -> None:
        super().__init__(scope, name)
        topic = alarm_topic(self, stage.alarms)
        action = actions.SnsAction(topic) if topic else None
        for alarm in _alarms(stage, metrics):
            alarm.add_to(self, stage=stage.full_name, action=action)


def _alarms(stage: StageSettings, metrics: Metrics) -> Iterator[Alarm]:
    yield from _of_functions(stage, metrics)
    yield from _of_waiting(stage, metrics)
    yield from _of_reports(stage, metrics)
    yield from _of_outcomes(metrics)
    yield from _of_our_own(metrics)
    yield from of_retention(stage.prune, metrics)
    yield from _of_api(metrics)
    if metrics.relay:
        yield from of_relay(metrics.relay, metrics)
    yield from of_source(metrics)
    if isinstance(stage.database, NewMySql):
        yield from of_mysql(stage.database.new, metrics)
    if metrics.kafka and metrics.kafka.brokers:
        yield from of_brokers(metrics.kafka, metrics)


def _of_functions(stage: StageSettings, metrics: Metrics) -> Iterator[Alarm]:
    for function in metrics.functions:
        minutes = stage.prune.every_minutes if function is metrics.prune else 5
        yield Alarm(
            name=f"{function.word.capitalize()}Errors",
            says=f"The {function.word} function failed in each of three periods of {minutes} minutes",
            metric=metrics.of_function(function, "Errors", "Sum").with_(period=Duration.minutes(minutes)),
            when=at_least(1),
            periods=3,
        )
    yield Alarm(
        name="Throttles",
        says="Functions were throttled in each of three periods of five minutes",
        metric=total("throttles", metrics.of_functions("Throttles", "Sum")),
        when=at_least(1),
        periods=3,
    )


def _of_waiting(stage: StageSettings, metrics: Metrics) -> Iterator[Alarm]:
    """The thresholds allow for a record that comes due just after a tick and waits for the next one."""
    minutes = stage.claim.every_minutes
    yield Alarm(
        name="ClaimStopped",
        says=f"The claim function missed {_MISSED_TICKS} ticks of its schedule",
        metric=metrics.of_function(metrics.claim, "Invocations", "Sum").with_(period=Duration.minutes(minutes)),
        when=less_than(1),
        periods=_MISSED_TICKS,
        when_silent=True,  # without ticks nothing is retried, and no other alarm would show it
    )
    yield Alarm(
        name="DeadLetters", says="The dead-letter queue is not empty", metric=metrics.dead_letters(), when=at_least(1)
    )
    yield Alarm(
        name="SendQueueOld",
        says="A pointer waited in the send queue for longer than a lease, so claim publishes it again",
        metric=metrics.queue_age(),
        when=more_than(stage.lease_seconds),
        periods=2,
    )
    yield Alarm(
        name="DueRecordsWait",
        says="Records have been due for more than ten minutes and a tick",
        metric=metrics.oldest_due_age().with_(period=Duration.minutes(max(5, minutes))),
        when=more_than(_LATE_SECONDS + 60 * minutes),
        periods=3,
    )
    yield Alarm(
        name="KafkaLag",
        says="Ingest has been more than a batch behind the topic, without catching up, for a quarter of an hour",
        metric=_lag_that_does_not_shrink(metrics),
        when=more_than(stage.kafka.batch_size),
        periods=3,
    )


def _of_reports(stage: StageSettings, metrics: Metrics) -> Iterator[Alarm]:
    """The alarms about outcomes that MySQL could not take."""
    yield Alarm(
        name="DeadReports",
        says="Outcomes of attempts never reached MySQL: their messages may be sent twice",
        metric=metrics.dead_reports(),
        when=at_least(1),
    )
    yield Alarm(
        name="ReportsWait",
        says="Outcomes of attempts have waited for MySQL for longer than a lease",
        metric=metrics.reports_age(),
        when=more_than(stage.lease_seconds),
    )
    yield Alarm(
        name="Unreported",
        says="Neither MySQL nor the report queue took outcomes: their messages may be sent twice",
        metric=metrics.count("Unreported", "send"),
        when=at_least(1),
    )


def _of_outcomes(metrics: Metrics) -> Iterator[Alarm]:
    sent, failed = metrics.count("Sent", "send"), metrics.count("Failed", "send")
    yield Alarm(
        name="Rejects",
        says="Producers published events that can never become a notification",
        metric=total("rejected", metrics.rejected(), period=_QUARTER_HOUR),
        when=at_least(1),
    )
    yield Alarm(
        name="DeadNotifications",
        says=f"At least {_FEW} notifications in a quarter of an hour, and {_DEAD_PERCENT} %, ended dead and not sent",
        metric=_percentage("dead, %", metrics.dead(period=_QUARTER_HOUR), sent, period=_QUARTER_HOUR),
        when=at_least(_DEAD_PERCENT),
    )
    yield Alarm(
        name="FeishuFailing",
        says=f"{_FAILED_PERCENT} % of the attempts, and at least {_FEW}, failed in three periods of five minutes",
        metric=_percentage("failed, %", failed, sent, period=FIVE_MINUTES),
        when=at_least(_FAILED_PERCENT),
        periods=3,
    )


def _of_our_own(metrics: Metrics) -> Iterator[Alarm]:
    """The alarms about failures that use up no attempt, and so appear in no outcome."""
    yield Alarm(
        name="Held",
        says="Notifications are not sent because their credentials cannot be read",
        metric=metrics.count("Held", "send"),
        when=at_least(1),
        periods=2,
    )
    yield Alarm(
        name="QueueRefuses",
        says="A queue refused ingest or claim in each of two periods of five minutes",
        metric=metrics.queue_refused(),
        when=at_least(1),
        periods=2,
    )


def _of_api(metrics: Metrics) -> Iterator[Alarm]:
    if metrics.api:
        yield Alarm(
            name="ApiFailing",
            says="The API answered with a 5xx in each of three periods of five minutes",
            metric=metrics.of_api(metrics.api, "5xx", "Sum", label="5xx"),
            when=at_least(1),
            periods=3,
        )


def _lag_that_does_not_shrink(metrics: Metrics) -> cloudwatch.MathExpression:
    """The smallest lag of each period, but zero if it is shrinking, as after a burst."""
    return cloudwatch.MathExpression(
        expression="IF(DIFF(lag) >= 0, lag, 0)",
        using_metrics={"lag": metrics.kafka_lag("Minimum")},
        label="lag",
        period=FIVE_MINUTES,
    )


def _percentage(
    label: str, bad: cloudwatch.IMetric, good: cloudwatch.IMetric, *, period: Duration
) -> cloudwatch.MathExpression:
    """The percentage that is bad; zero if only a few are."""
    return cloudwatch.MathExpression(
        expression=f"IF(bad >= {_FEW}, 100 * bad / SUM([bad, good]), 0)",
        using_metrics={"bad": bad, "good": good},
        label=label,
        period=period,
    )
