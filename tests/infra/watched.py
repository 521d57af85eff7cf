"""Reads a template's alarms by name, and the metrics that alarms and dashboard use."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.infra.templates import Resource, Template

#: namespace, name, dimensions
Metric = tuple[str, str, frozenset[tuple[str, str]]]
#: stands for what only CloudFormation knows
AT_DEPLOYMENT = "made-at-deployment"


def alarms(template: Template) -> Mapping[str, Resource]:
    """By the name that the runbook knows them by, without the stage's."""
    return {it["AlarmName"].rpartition("-")[2]: it for it in template.all("AWS::CloudWatch::Alarm")}


def of_alarm(alarm: Resource) -> set[Metric]:
    return {_metric(it["MetricStat"]["Metric"]) for it in alarm["Metrics"] if "MetricStat" in it}


def of_dashboard(template: Template) -> set[Metric]:
    rows = [row for graph in graphs(template) for row in graph["metrics"]]
    return {_row(row) for row in rows if isinstance(row[0], str)}  # the others are expressions over these


def searched(template: Template, metric: Metric) -> bool:
    """Whether a graph finds the metric by a search, as it does where a dimension may have any value."""
    namespace, name, dimensions = metric
    names = ",".join(sorted(dimension for dimension, _ in dimensions))
    wanted = f"SEARCH('{{{namespace},{names}}} MetricName=\"{name}\"', 'Sum', 300)"
    rows = [row[0] for graph in graphs(template) for row in graph["metrics"] if isinstance(row[0], dict)]
    return wanted in [row["expression"] for row in rows]


def graphs(template: Template) -> Iterator[Mapping[str, Any]]:
    body = template.one("AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    page = json.loads("".join(part if isinstance(part, str) else AT_DEPLOYMENT for part in body))
    yield from (widget["properties"] for widget in page["widgets"])


def own(metrics: set[Metric]) -> set[Metric]:
    """Ours, without those that AWS itself emits."""
    return {metric for metric in metrics if not metric[0].startswith("AWS/")}


def _metric(metric: Resource) -> Metric:
    dimensions = [(it["Name"], _known(it["Value"])) for it in metric.get("Dimensions", [])]
    return metric["Namespace"], metric["MetricName"], frozenset(dimensions)


def _row(row: list[Any]) -> Metric:
    namespace, name, *dimensions = [it for it in row if isinstance(it, str)]
    return namespace, name, frozenset(list(pairwise(dimensions))[::2])


def _known(value: Any) -> str:
    return value if isinstance(value, str) else AT_DEPLOYMENT
