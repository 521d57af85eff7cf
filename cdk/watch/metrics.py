"""The CloudWatch metrics of a stage, which its dashboard shows and its alarms watch.

The functions emit those in the namespace `Hongyan/<stage>` (delivery/aws/telemetry.py); a test emits them and compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.data.msk import Cluster
from cdk.delivery.api.http_api import HttpApi
from cdk.delivery.function import StageFunction
from cdk.delivery.queue import ReportQueue, SendQueue
from delivery.domain.contract import RejectCode

FIVE_MINUTES = Duration.minutes(5)
#: The limit of an alarm on an expression (CloudWatch's page "Limits" of alarms: "a maximum of 10 metrics").
MOST_IN_AN_ALARM = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    namespace: str
    ingest: StageFunction
    claim: StageFunction
    send: StageFunction
    prune: StageFunction
    queue: SendQueue
    reports: ReportQueue
    #: The id of ingest's event source mapping.
    mapping_id: str
    #: Only what the stage made. The owner of an existing MySQL or Kafka watches it.
    mysql: str | None
    kafka: Cluster | None
    api: HttpApi | None
    relay: StageFunction | None

    @property
    def functions(self) -> Sequence[StageFunction]:
        optional = (self.relay, self.api.function if self.api else None)
        return (self.ingest, self.claim, self.send, self.prune, *(it for it in optional if it))

    def count(self, name: str, function: str, *, label: str = "") -> cloudwatch.Metric:
        return _metric(self.namespace, name, "Sum", label=label or name.lower(), service=function)

    def dead(self, *, period: Duration = FIVE_MINUTES) -> cloudwatch.MathExpression:
        """Two functions end records: send after a verdict, and claim when no attempts are left."""
        return total("dead", [self.count("Dead", function) for function in ("send", "claim")], period=period)

    def rejected(self) -> Sequence[cloudwatch.Metric]:
        return [
            _metric(self.namespace, "Rejected", "Sum", label=code, service="ingest", code=code)
            for code in (it.value for it in RejectCode)
        ]

    def each(self, name: str, dimension: str) -> cloudwatch.MathExpression:
        """A line for each value of a dimension whose values are not known beforehand."""
        wanted = f'{{{self.namespace},{dimension},service}} MetricName="{name}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{wanted}', 'Sum', {FIVE_MINUTES.to_seconds():.0f})",
            using_metrics={},
            label="",
            period=FIVE_MINUTES,
        )

    def feishu_latency(self, statistic: str) -> cloudwatch.Metric:
        return _metric(self.namespace, "FeishuLatency", statistic, label=statistic, service="send")

    def lateness(self, statistic: str) -> cloudwatch.Metric:
        return _metric(self.namespace, "Lateness", statistic, label=statistic, service="send")

    def oldest_due_age(self) -> cloudwatch.Metric:
        return _metric(self.namespace, "OldestDueAge", "Maximum", label="oldest due record", service="claim")

    def oldest_pending_age(self) -> cloudwatch.Metric:
        return _metric(self.namespace, "OldestPendingAge", "Maximum", label="oldest pending row", service="relay")

    def pruned(self, kind: str) -> cloudwatch.Metric:
        return _metric(self.namespace, "Pruned", "Sum", label=kind, service="prune", table=kind)

    def oldest_kept_age(self, kind: str) -> cloudwatch.Metric:
        """The seconds since the oldest row ended."""
        return _metric(self.namespace, "OldestKeptAge", "Maximum", label=kind, service="prune", table=kind)

    def kafka_lag(self, statistic: str = "Maximum") -> cloudwatch.Metric:
        """Lambda's count of the topic's records, over all partitions, that ingest has not read yet."""
        return self.ingest.function.metric("OffsetLag", statistic=statistic, label="lag", period=FIVE_MINUTES)

    def polled(self) -> cloudwatch.Metric:
        """The records that Lambda read from the topic; 0 if there is nothing new.

        No page says what Lambda sends when it cannot poll. The alarm assumes no data.
        """
        return self._of_mapping("PolledEventCount", "records polled")

    def polling_errors(self) -> cloudwatch.Metric:
        """Lambda sends this metric only when there was an error."""
        return self._of_mapping("PollingErrorCount", "polling errors")

    def _of_mapping(self, name: str, label: str) -> cloudwatch.Metric:
        """Source: Lambda's page "Types of metrics for Lambda functions"; they need MetricsConfig on the mapping."""
        return _metric("AWS/Lambda", name, "Sum", label=label, EventSourceMappingUUID=self.mapping_id)

    def of_functions(self, name: str, statistic: str) -> Sequence[cloudwatch.Metric]:
        return [self.of_function(one, name, statistic) for one in self.functions]

    def of_function(self, one: StageFunction, name: str, statistic: str) -> cloudwatch.Metric:
        return one.function.metric(name, statistic=statistic, label=one.word, period=FIVE_MINUTES)

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

    def reports_age(self) -> cloudwatch.Metric:
        queue = self.reports.queue
        return queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, label="oldest report")

    def dead_reports(self) -> cloudwatch.Metric:
        letters = self.reports.dead_letters
        return letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, label="dead reports")

    def queue_refused(self) -> cloudwatch.MathExpression:
        counts = [self.count("QueueRefused", function) for function in ("ingest", "claim")]
        return total("refused", counts)

    def of_api(self, api: HttpApi, name: str, statistic: str, *, label: str) -> cloudwatch.Metric:
        """A metric of API Gateway ("Monitor metrics for HTTP APIs in API Gateway")."""
        return _metric("AWS/ApiGateway", name, statistic, label=label, ApiId=api.http.api_id)

    def of_mysql(self, name: str, statistic: str, *, label: str) -> cloudwatch.Metric:
        return _metric("AWS/RDS", name, statistic, label=label, DBInstanceIdentifier=self.mysql or "")

    def offline_partitions(self, cluster: Cluster) -> cloudwatch.Metric:
        of = {"Cluster Name": cluster.name}
        return _metric("AWS/Kafka", "OfflinePartitionsCount", "Maximum", label="partitions without a leader", **of)

    def disk_used(self, cluster: Cluster) -> Sequence[cloudwatch.Metric]:
        """The used percentage of each broker's disk. MSK Serverless has no disks to fill."""
        return [_disk_used({"Cluster Name": cluster.name, "Broker ID": str(it + 1)}) for it in range(cluster.brokers)]


def _disk_used(of: Mapping[str, str]) -> cloudwatch.Metric:
    return _metric("AWS/Kafka", "KafkaDataLogsDiskUsed", "Maximum", label=f"broker {of['Broker ID']}", **of)


def _metric(namespace: str, name: str, statistic: str, *, label: str, **dimensions: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        label=label,
        period=FIVE_MINUTES,
    )


def total(
    name: str, metrics: Sequence[cloudwatch.Metric], *, period: Duration = FIVE_MINUTES
) -> cloudwatch.MathExpression:
    """The sum. SUM skips a metric without data in a period, for which + would give no result at all."""
    return _over("SUM", name, metrics, label=name, period=period)


def highest(name: str, metrics: Sequence[cloudwatch.Metric], *, label: str) -> cloudwatch.MathExpression:
    return _over("MAX", name, metrics, label=label, period=FIVE_MINUTES)


def _over(
    function: str, name: str, metrics: Sequence[cloudwatch.Metric], *, label: str, period: Duration
) -> cloudwatch.MathExpression:
    """In the expression, each metric is `name` with a number."""
    named = {f"{name}{number}": metric for number, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=f"{function}([{', '.join(named)}])", using_metrics=named, label=label, period=period
    )
