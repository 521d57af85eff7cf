"""The dashboard of a stage: its measures in; out, one page that says what arrives, how late, what fails and why."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.watch.metrics import Measures

_WIDTH, _HEIGHT = 8, 6
_COUNT, _SECONDS, _MILLISECONDS = "notifications", "seconds", "ms"


class Dashboard(Construct):
    """From top to bottom: what became of notifications, how late they are, where they wait, and how what does it is."""

    def __init__(self, scope: Construct, name: str, *, stage: str, measures: Measures) -> None:
        super().__init__(scope, name)
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=f"hongyan-{stage}",
            default_interval=Duration.hours(12),
            widgets=[
                _outcomes(measures),
                _lateness(measures),
                _waiting(measures),
                *_functions(measures),
                *_mysql(measures),
                *_kafka(measures),
            ],
        )


def _outcomes(measures: Measures) -> list[cloudwatch.IWidget]:
    taken = [measures.count(name, "ingest") for name in ("Requested", "Duplicates")]
    sent = [measures.count(name, "send") for name in ("Sent", "Failed", "Skipped", "FallbackUsed")]
    return [
        _graph("Ingested", _COUNT, [*taken, measures.count("Claimed", "claim")]),
        _graph("Outcomes (failed ones are tried again)", _COUNT, [*sent, measures.dead()]),
        _graph("Rejected, by code", "Kafka records", measures.rejected()),
    ]


def _lateness(measures: Measures) -> list[cloudwatch.IWidget]:
    latency = [measures.feishu_latency(statistic) for statistic in ("p50", "p95", "p99")]
    return [
        _graph("Feishu answers after", _MILLISECONDS, latency),
        _graph("Age of the oldest due record", _SECONDS, [measures.oldest_due_age()]),
        _graph("Age of the send queue's oldest message", _SECONDS, [measures.queue_age()]),
    ]


def _waiting(measures: Measures) -> list[cloudwatch.IWidget]:
    return [
        _graph("Kafka lag", "Kafka records", [measures.kafka_lag()]),
        _graph("Send queue (up to 20 notifications each)", "messages", measures.queue_depth()),
        _graph("Dead letters", "messages", [measures.dead_letters()]),
    ]


def _functions(measures: Measures) -> list[list[cloudwatch.IWidget]]:
    of = measures.of_functions
    return [
        [
            _graph("Function errors", "invocations", of("Errors", "Sum")),
            _graph("Function throttles", "invocations", of("Throttles", "Sum")),
            _graph("Functions at once", "executions", of("ConcurrentExecutions", "Maximum")),
        ],
        [
            _graph("Function invocations", "invocations", of("Invocations", "Sum")),
            _graph("Function duration, p95", _MILLISECONDS, of("Duration", "p95")),
        ],
    ]


def _mysql(measures: Measures) -> list[list[cloudwatch.IWidget]]:
    if not measures.mysql:
        return []
    cpu = measures.of_mysql("CPUUtilization", "Maximum", label="CPU")
    connections = measures.of_mysql("DatabaseConnections", "Maximum", label="connections")
    free = measures.of_mysql("FreeStorageSpace", "Minimum", label="free")
    return [
        [
            _graph("MySQL processor", "%", [cpu]),
            _graph("MySQL connections", "connections", [connections]),
            _graph("MySQL free storage", "bytes", [free]),
        ]
    ]


def _kafka(measures: Measures) -> list[list[cloudwatch.IWidget]]:
    cluster = measures.kafka
    if not (cluster and cluster.brokers):
        return []
    return [
        [
            _graph("Kafka storage used", "%", measures.disk_used(cluster)),
            _graph("Kafka partitions without a leader", "partitions", [measures.offline_partitions(cluster)]),
        ]
    ]


def _graph(title: str, unit: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0, label=unit, show_units=False),
        width=_WIDTH,
        height=_HEIGHT,
    )
