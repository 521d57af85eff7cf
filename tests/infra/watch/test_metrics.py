"""The dashboard and the alarms read metrics that the functions emit: a renamed one would leave both silent."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cdk.settings.context import ROOT
from tests.infra import watched
from tests.infra.templates import FUNCTIONS, Template, environment


@pytest.fixture(scope="module")
def emitted(dev: Template) -> set[watched.Metric]:
    """By each function's telemetry, in a process of its own with the environment that the template gives it."""
    return {metric for word in FUNCTIONS for metric in emissions(word, dev)}


def emissions(word: str, template: Template) -> Iterator[watched.Metric]:
    given = {name: value for name, value in environment(template.function(word)).items() if "POWERTOOLS" in name}
    command = [sys.executable, "-m", "tests.infra.watch.emitting", word]
    out = subprocess.run(command, env={**os.environ, **given}, cwd=ROOT, capture_output=True, text=True, check=True)
    for document in map(json.loads, out.stdout.splitlines()):
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            (names,) = directive["Dimensions"]
            dimensions = frozenset((name, document[name]) for name in names)
            yield from ((directive["Namespace"], metric["Name"], dimensions) for metric in directive["Metrics"])


def test_the_dashboard_shows_every_metric_that_is_emitted_and_no_other(
    dev: Template, emitted: set[watched.Metric]
) -> None:
    """By namespace, name and dimensions. Feishu's codes and other services' types are found by a search."""
    shown = watched.own(watched.of_dashboard(dev))
    assert shown <= emitted
    found = emitted - shown
    assert {name for _, name, _ in found} == {"FeishuRefusals", "PassedOver"}
    assert all(watched.searched(dev, metric) for metric in found)


def test_alarms_watch_metrics_that_are_emitted(dev: Template, emitted: set[watched.Metric]) -> None:
    """An alarm on a name that nobody emits never goes off."""
    read = {metric for alarm in watched.alarms(dev).values() for metric in watched.own(watched.of_alarm(alarm))}
    assert {name for _, name, _ in read} == {
        *("OldestDueAge", "Rejected", "Dead", "Sent", "Failed", "Held", "QueueRefused", "Unreported", "OldestKeptAge"),
        *("OldestPendingAge", "KafkaTrouble"),
    }
    assert read <= emitted


def test_stages_of_one_account_do_not_add_up(dev: Template, prod: Template) -> None:
    """Metrics, dashboard and alarms carry the stage's name."""
    spaces = [{namespace for namespace, _, _ in watched.own(watched.of_dashboard(it))} for it in (dev, prod)]
    assert spaces == [{"Hongyan/dev"}, {"Hongyan/prod"}]
    assert prod.one("AWS::CloudWatch::Dashboard")["DashboardName"] == "hongyan-prod"
    assert all(it["AlarmName"].startswith("hongyan-prod-") for it in prod.all("AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize(
    ("metric", "statistics"),
    [
        ("FeishuLatency", {"p50", "p95", "p99"}),
        ("Lateness", {"p50", "p95", "p99"}),
        ("OldestDueAge", {"Maximum"}),
        ("OldestPendingAge", {"Maximum"}),
        ("ApproximateAgeOfOldestMessage", {"Maximum"}),
        ("OffsetLag", {"Maximum"}),
        ("Errors", {"Sum"}),
        ("Throttles", {"Sum"}),
        ("ConcurrentExecutions", {"Maximum"}),
        ("Duration", {"p95"}),
    ],
)
def test_the_dashboard_shows_the_worst_and_not_an_average(metric: str, statistics: set[str], dev: Template) -> None:
    """An average hides the one user in a hundred who waits."""
    rows = [row for graph in watched.graphs(dev) for row in graph["metrics"] if row[1:2] == [metric]]
    assert {row[-1]["stat"] for row in rows} == statistics


def test_every_queue_and_function_is_on_the_dashboard(dev: Template) -> None:
    """Dead letters too; each function's errors, throttles, executions at once, invocations and duration."""
    titles = {graph["title"]: len(graph["metrics"]) for graph in watched.graphs(dev)}
    assert {count for title, count in titles.items() if title.startswith("Function")} == {len(FUNCTIONS)}
    assert {"Dead letters", "Kafka lag"} <= set(titles)
