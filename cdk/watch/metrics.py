"""What is measured: functions, queues and the metrics' namespace in, CloudWatch metrics out, for dashboard and alarms.

The `Hongyan/<stage>` metrics are named as `delivery.aws.telemetry` emits them; a test emits them and compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.data.msk import Cluster
from cdk.delivery.function import StageFunction
from cdk.delivery.queue import SendQueue

FIVE_MINUTES = Duration.minutes(5)
#: `delivery.domain.contract.RejectCode`
REJECT_CODES = (
    "envelope_invalid",
    "event_type_missing",
    "event_type_unknown",
    "event_version_unsupported",
    "payload_invalid",
    "storage_rejected",
)
_LABELS = {"FallbackUsed": "sent with the fallback text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    namespace: str
    ingest: StageFunction
    claim: StageFunction
    send: StageFunction
    queue: SendQueue
    #: the instance that the stage made; an existing MySQL is watched where it was made
    mysql: str | None
    #: the cluster that the stage made; an existing one is watched where it was made
    kafka: Cluster | None

    @property
    def functions(self) -> Sequence[StageFunction]:
        return (self.ingest, self.claim, self.send)

    def count(self, name: str, word: str) -> cloudwatch.Metric:
        return self._own(name, "Sum", label=_LABELS.get(name, name.lower()), service=word)

    def dead(self, *, period: Duration = FIVE_MINUTES) -> cloudwatch.MathExpression:
        """Both stages end records: send by a verdict, claim when the attempts are used up."""
        by_stage = by_name("dead", [self.count("Dead", word) for word in ("send", "claim")])
        return total(by_stage, label="dead", period=period)

    def rejected(self) -> Sequence[cloudwatch.Metric]:
        return [self._own("Rejected", "Sum", label=code, service="ingest", code=code) for code in REJECT_CODES]

    def feishu_latency(self, statistic: str) -> cloudwatch.Metric:
        return self._own("FeishuLatency", statistic, label=statistic, service="send")

    def oldest_due_age(self) -> cloudwatch.Metric:
        return self._own("OldestDueAge", "Maximum", label="oldest due record", service="claim")

    def kafka_lag(self) -> cloudwatch.Metric:
        """Lambda's own: records of the topic, all partitions together, that ingest has not taken yet."""
        return self.ingest.function.metric("OffsetLag", statistic="Maximum", label="lag", period=FIVE_MINUTES)

    def offline_partitions(self, cluster: Cluster) -> cloudwatch.Metric:
        return _of_msk("OfflinePartitionsCount", {"Cluster Name": cluster.name}, label="partitions without a leader")

    def disk_used(self, cluster: Cluster) -> Sequence[cloudwatch.Metric]:
        """In percent, of each broker; MSK Serverless has no disks to fill."""
        brokers = [str(number) for number in range(1, cluster.brokers + 1)]
        metric = "KafkaDataLogsDiskUsed"
        return [
            _of_msk(metric, {"Cluster Name": cluster.name, "Broker ID": it}, label=f"broker {it}") for it in brokers
        ]

    def queue_age(self) -> cloudwatch.Metric:
        return self.queue.queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, label="oldest message")

    def queue_depth(self) -> Sequence[cloudwatch.Metric]:
        queue = self.queue.queue
        return [
            queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, label="waiting"),
            queue.metric_approximate_number_of_messages_not_visible(period=FIVE_MINUTES, label="being sent"),
        ]

    def dead_letters(self) -> cloudwatch.Metric:
        letters = self.queue.dead_letters
        return letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, label="dead letters")

    def of_mysql(self, name: str, statistic: str, *, label: str) -> cloudwatch.Metric:
        """RDS's own, of the instance."""
        return cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name=name,
            dimensions_map={"DBInstanceIdentifier": self.mysql or ""},
            statistic=statistic,
            label=label,
            period=FIVE_MINUTES,
        )

    def of_functions(self, name: str, statistic: str) -> Sequence[cloudwatch.Metric]:
        return [self.of_function(one, name, statistic) for one in self.functions]

    def of_function(self, one: StageFunction, name: str, statistic: str) -> cloudwatch.Metric:
        return one.function.metric(name, statistic=statistic, label=one.word, period=FIVE_MINUTES)

    def _own(self, name: str, statistic: str, *, label: str, **dimensions: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self.namespace,
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            label=label,
            period=FIVE_MINUTES,
        )


def _of_msk(name: str, dimensions: Mapping[str, str], *, label: str) -> cloudwatch.Metric:
    """MSK's own, of those that cost nothing."""
    return cloudwatch.Metric(
        namespace="AWS/Kafka",
        metric_name=name,
        dimensions_map=dimensions,
        statistic="Maximum",
        label=label,
        period=FIVE_MINUTES,
    )


def by_name(name: str, metrics: Sequence[cloudwatch.Metric]) -> Mapping[str, cloudwatch.IMetric]:
    """As an expression refers to them."""
    return {f"{name}{number}": metric for number, metric in enumerate(metrics)}


def most(metrics: Mapping[str, cloudwatch.IMetric], *, label: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=f"MAX([{', '.join(metrics)}])", using_metrics=metrics, label=label, period=FIVE_MINUTES
    )


def total(
    metrics: Mapping[str, cloudwatch.IMetric], *, label: str, period: Duration = FIVE_MINUTES
) -> cloudwatch.MathExpression:
    """The sum. SUM passes over a metric without data in a period, where + would answer nothing at all."""
    return cloudwatch.MathExpression(
        expression=f"SUM([{', '.join(metrics)}])",
        using_metrics=metrics,
        label=label,
        period=period,
    )
