"""The alarms of a stage: its measures and settings in; out, alarms that say what is wrong, to the stage's topic if any.

docs/runbook.md has each by its name. A threshold is either a setting that it follows from, or a number with a reason.
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from cdk.data.msk import Cluster
from cdk.settings.database import NewInstance, NewMySql
from cdk.settings.stage import StageSettings
from cdk.watch.alarm_topic import alarm_topic
from cdk.watch.metrics import FIVE_MINUTES, Measures, by_name, most, total

_MISSING = cloudwatch.TreatMissingData
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_MORE_THAN = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_LESS_THAN = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD

_QUARTER = Duration.minutes(15)
_LATE_SECONDS = 10 * 60
#: below this number in a period, a share says more about chance than about Feishu
_FEW = 10
_DEAD_PERCENT, _FAILED_PERCENT = 5, 50
_MISSED_TICKS = 5
_BUSY_PERCENT, _FREE_PERCENT = 90, 15
_GIGABYTE = 2**30
#: MSK's own advice
_KAFKA_DISK_PERCENT = 85


class Alarms(Construct):
    def __init__(self, scope: Construct, name: str, *, stage: StageSettings, measures: Measures) -> None:
        super().__init__(scope, name)
        self._stage, self._measures = stage, measures
        topic = alarm_topic(self, stage.alarms)
        self._action = actions.SnsAction(topic) if topic else None
        self._functions()
        self._claim_stopped()
        self._queues()
        self._waiting()
        self._kafka()
        self._outcomes()
        if isinstance(stage.database, NewMySql):
            self._mysql(stage.database.new)
        if measures.kafka and measures.kafka.brokers:
            self._brokers(measures.kafka)

    def _functions(self) -> None:
        for one in self._measures.functions:
            self._alarm(
                f"{one.word.capitalize()}Errors",
                f"The {one.word} function failed in each of three periods of five minutes",
                self._measures.of_function(one, "Errors", "Sum"),
                threshold=1,
                periods=3,
            )
        throttles = by_name("throttles", self._measures.of_functions("Throttles", "Sum"))
        says = "Functions were throttled in each of three periods of five minutes"
        self._alarm("Throttles", says, total(throttles, label="throttles"), threshold=1, periods=3)

    def _claim_stopped(self) -> None:
        """The one alarm that silence sets off: without ticks nothing retries, and nothing else would say so."""
        invocations = self._measures.of_function(self._measures.claim, "Invocations", "Sum")
        self._alarm(
            "ClaimStopped",
            f"The claim function missed {_MISSED_TICKS} ticks of its schedule",
            invocations.with_(period=Duration.minutes(self._stage.claim.every_minutes)),
            threshold=1,
            periods=_MISSED_TICKS,
            compare=_LESS_THAN,
            missing=_MISSING.BREACHING,
        )

    def _queues(self) -> None:
        self._alarm("DeadLetters", "The dead-letter queue is not empty", self._measures.dead_letters(), threshold=1)
        self._alarm(
            "SendQueueOld",
            "A pointer waited in the send queue for longer than a lease, so claim publishes it again",
            self._measures.queue_age(),
            threshold=self._stage.lease_seconds,
            periods=2,
            compare=_MORE_THAN,
        )

    def _waiting(self) -> None:
        """A record that came due just after a tick waits for the next one: that much is normal."""
        every = self._stage.claim.every_minutes
        self._alarm(
            "DueRecordsWait",
            "Records have been due for more than ten minutes and a tick",
            self._measures.oldest_due_age().with_(period=Duration.minutes(max(5, every))),
            threshold=_LATE_SECONDS + 60 * every,
            periods=3,
            compare=_MORE_THAN,
        )

    def _kafka(self) -> None:
        """More than a batch behind and not catching up; a lag that shrinks is a burst being worked off."""
        self._alarm(
            "KafkaLag",
            "Ingest has been more than a batch behind the topic, without catching up, for a quarter of an hour",
            _not_shrinking(self._measures.kafka_lag()),
            threshold=self._stage.kafka.batch_size,
            periods=3,
            compare=_MORE_THAN,
        )

    def _outcomes(self) -> None:
        measures = self._measures
        rejected = total(by_name("rejected", measures.rejected()), label="rejected", period=_QUARTER)
        self._alarm("Rejects", "Producers published events that can never become a notification", rejected, threshold=1)
        sent, failed = measures.count("Sent", "send"), measures.count("Failed", "send")
        self._alarm(
            "DeadNotifications",
            f"At least {_FEW} notifications in a quarter of an hour, and {_DEAD_PERCENT} %, ended dead and not sent",
            _share("dead, %", measures.dead(period=_QUARTER), sent, period=_QUARTER),
            threshold=_DEAD_PERCENT,
        )
        self._alarm(
            "FeishuFailing",
            f"{_FAILED_PERCENT} % of the attempts, and at least {_FEW}, failed in three periods of five minutes",
            _share("failed, %", failed, sent, period=FIVE_MINUTES),
            threshold=_FAILED_PERCENT,
            periods=3,
        )

    def _mysql(self, new: NewInstance) -> None:
        self._alarm(
            "DatabaseBusy",
            f"MySQL used more than {_BUSY_PERCENT} % of its processor in each of three periods of five minutes",
            self._measures.of_mysql("CPUUtilization", "Average", label="CPU"),
            threshold=_BUSY_PERCENT,
            periods=3,
            compare=_MORE_THAN,
        )
        self._alarm(
            "DatabaseFull",
            f"MySQL has less than {_FREE_PERCENT} % of its storage left",
            self._measures.of_mysql("FreeStorageSpace", "Minimum", label="free"),
            threshold=new.storage_gb * _GIGABYTE * _FREE_PERCENT // 100,
            compare=_LESS_THAN,
        )

    def _brokers(self, cluster: Cluster) -> None:
        self._alarm(
            "KafkaPartitionsOffline",
            "Partitions have no leader, so nobody can write or read them, for a quarter of an hour",
            self._measures.offline_partitions(cluster),
            threshold=1,
            periods=3,
        )
        self._alarm(
            "KafkaFull",
            f"A broker used {_KAFKA_DISK_PERCENT} % of its storage",
            most(by_name("broker", self._measures.disk_used(cluster)), label="storage, %"),
            threshold=_KAFKA_DISK_PERCENT,
        )

    def _alarm(
        self,
        name: str,
        says: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: int = 1,
        compare: cloudwatch.ComparisonOperator = _AT_LEAST,
        missing: cloudwatch.TreatMissingData = _MISSING.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"hongyan-{self._stage.name}-{name}",
            alarm_description=f"{says}. See docs/runbook.md, {name}.",
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=compare,
            treat_missing_data=missing,
        )
        if self._action:
            alarm.add_alarm_action(self._action)
            alarm.add_ok_action(self._action)


def _not_shrinking(lag: cloudwatch.Metric) -> cloudwatch.MathExpression:
    """The least lag of a period, which a burst leaves alone; nothing where it was more in the period before."""
    return cloudwatch.MathExpression(
        expression="IF(DIFF(lag) >= 0, lag, 0)",
        using_metrics={"lag": lag.with_(statistic="Minimum")},
        label="lag",
        period=FIVE_MINUTES,
    )


def _share(
    label: str, bad: cloudwatch.IMetric, good: cloudwatch.IMetric, *, period: Duration
) -> cloudwatch.MathExpression:
    """How much of both is bad, in percent; nothing where little is."""
    return cloudwatch.MathExpression(
        expression=f"IF(bad >= {_FEW}, 100 * bad / SUM([bad, good]), 0)",
        using_metrics={"bad": bad, "good": good},
        label=label,
        period=period,
    )
