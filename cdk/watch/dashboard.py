"""The dashboard of a stage: one page that says what arrives, how late it is, and what fails."""

from collections.abc import Iterator, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.settings.stage import StageSettings
from cdk.watch.metrics import FIVE_MINUTES, Metrics
from delivery.aws.settings.types import DAY

_WIDTH, _HEIGHT = 8, 6
_COUNT, _SECONDS, _MILLISECONDS = "notifications", "seconds", "ms"
#: The number of graphs that fit next to each other.
_Row = list[cloudwatch.IWidget]


class Dashboard(Construct):
    """Shows, from top to bottom, how notifications ended, how late they are, where they wait, and the machinery."""

    def __init__(self, scope: Construct, name: str, *, stage: StageSettings, metrics: Metrics) -> None:
        super().__init__(scope, name)
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=stage.full_name,
            default_interval=Duration.hours(12),
            widgets=[
                *_notifications(metrics),
                *_outbox(metrics),
                *_retention([kind for kind, days in stage.prune.days.items() if days], metrics),
                *_functions(metrics),
                *_api(metrics),
                *_mysql(metrics),
                *_kafka(metrics),
            ],
        )


def _notifications(metrics: Metrics) -> Iterator[_Row]:
    count = metrics.count
    outcomes = [count(name, "send") for name in ("Sent", "Failed", "Skipped")]
    fallback = count("FallbackUsed", "send", label="sent with the fallback text")
    ours = [count(name, "send") for name in ("Held", "NotStarted", "Reported", "Unreported")]
    taken = [count("Requested", "ingest"), count("Duplicates", "ingest"), count("Claimed", "claim")]
    yield [
        _graph("Ingested", _COUNT, taken),
        _graph("Outcomes (failed ones are tried again)", _COUNT, [*outcomes, fallback, metrics.dead()]),
        _graph("Rejected, by code", "Kafka records", metrics.rejected()),
    ]
    yield [
        _graph("Feishu answers after", _MILLISECONDS, [metrics.feishu_latency(it) for it in ("p50", "p95", "p99")]),
        _graph("Age of the oldest due record", _SECONDS, [metrics.oldest_due_age()]),
        _graph("Age of the send queue's oldest message", _SECONDS, [metrics.queue_age()]),
    ]
    yield [
        _graph("Kafka lag", "Kafka records", [metrics.kafka_lag(), metrics.polled()]),
        _graph("Send queue (up to 20 notifications each)", "messages", metrics.queue_depth()),
        _graph("Dead letters", "messages", [metrics.dead_letters(), metrics.dead_reports()]),
    ]
    yield [
        _graph("Trouble of ours", _COUNT, ours),
        _graph("Age of the oldest report", _SECONDS, [metrics.reports_age()]),
        _graph("Refused: by a queue, by Kafka", "calls", [metrics.queue_refused(), metrics.polling_errors()]),
    ]
    yield [
        _graph("Sent after it was asked for", _SECONDS, [metrics.lateness(it) for it in ("p50", "p95", "p99")]),
        _graph("Refused by Feishu, by its code", "attempts", [metrics.each("FeishuRefusals", "code")]),
        _graph(
            "Passed over: other services' events, by type",
            "Kafka records",
            [count("PassedOver", "ingest", label="all"), metrics.each("PassedOver", "event_type")],
        ),
    ]


def _outbox(metrics: Metrics) -> Iterator[_Row]:
    if metrics.relay:
        fates = [metrics.count(name, "relay") for name in ("Published", "Refused", "Dead")]
        put_back = metrics.count("PutBack", "relay", label="put back")
        yield [
            _graph("Outbox (refused ones are tried again)", "rows", [*fates, put_back]),
            _graph("Age of the oldest pending outbox row", _SECONDS, [metrics.oldest_pending_age()]),
            _graph("Runs of the relay in which Kafka took nothing", "runs", [metrics.count("KafkaTrouble", "relay")]),
        ]


def _retention(kinds: Sequence[str], metrics: Metrics) -> Iterator[_Row]:
    if kinds:
        unfinished = metrics.count("PruneUnfinished", "prune", label="kinds of row")
        yield [
            _graph("Deleted, past its days", "rows", [metrics.pruned(kind) for kind in kinds]),
            _graph("Oldest row that has ended", "days", [_in_days(metrics.oldest_kept_age(kind)) for kind in kinds]),
            _graph("More was past its days than there was time for", "kinds of row", [unfinished]),
        ]


def _in_days(age: cloudwatch.Metric) -> cloudwatch.MathExpression:
    name = f"{age.label}_age"
    return cloudwatch.MathExpression(
        expression=f"{name} / {DAY}", using_metrics={name: age}, label=age.label, period=FIVE_MINUTES
    )


def _functions(metrics: Metrics) -> Iterator[_Row]:
    of = metrics.of_functions
    yield [
        _graph("Function errors", "invocations", of("Errors", "Sum")),
        _graph("Function throttles", "invocations", of("Throttles", "Sum")),
        _graph("Functions at once", "executions", of("ConcurrentExecutions", "Maximum")),
    ]
    yield [
        _graph("Function invocations", "invocations", of("Invocations", "Sum")),
        _graph("Function duration, p95", _MILLISECONDS, of("Duration", "p95")),
    ]


def _api(metrics: Metrics) -> Iterator[_Row]:
    if api := metrics.api:
        refused = [metrics.of_api(api, name, "Sum", label=name) for name in ("4xx", "5xx")]
        latency = [metrics.of_api(api, "Latency", statistic, label=statistic) for statistic in ("p50", "p95", "p99")]
        yield [
            _graph("API requests", "requests", [metrics.of_api(api, "Count", "Sum", label="all"), *refused]),
            _graph("API answers after", _MILLISECONDS, latency),
        ]


def _mysql(metrics: Metrics) -> Iterator[_Row]:
    of = metrics.of_mysql
    if metrics.mysql:
        yield [
            _graph("MySQL processor", "%", [of("CPUUtilization", "Maximum", label="CPU")]),
            _graph("MySQL connections", "connections", [of("DatabaseConnections", "Maximum", label="connections")]),
            _graph("MySQL free storage", "bytes", [of("FreeStorageSpace", "Minimum", label="free")]),
        ]


def _kafka(metrics: Metrics) -> Iterator[_Row]:
    cluster = metrics.kafka
    if cluster and cluster.brokers:
        offline = metrics.offline_partitions(cluster)
        yield [
            _graph("Kafka storage used", "%", metrics.disk_used(cluster)),
            _graph("Kafka partitions without a leader", "partitions", [offline]),
        ]


def _graph(title: str, unit: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0, label=unit, show_units=False),
        width=_WIDTH,
        height=_HEIGHT,
    )
