"""What operators see of a run of prune: one line, and for each kind of row what went and how old the oldest is."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from delivery.aws import telemetry
from delivery.prune import PruneReport
from tests.unit.aws.telemetry.test_ingest_telemetry import by_dimension, counted

REPORT = PruneReport(
    deleted={"records": 1_500, "outbox": 0},
    oldest_kept_seconds={"records": 7_776_000.5, "outbox": 60.0},
    unfinished=("records",),
)


def test_a_run_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything that the report says but the failure, which Lambda tells."""
    written = io.StringIO()
    [handler] = logging.getLogger(telemetry.logger.name).handlers
    monkeypatch.setattr(handler, "stream", written)
    telemetry.observe_prune(REPORT)
    line: dict[str, Any] = json.loads(written.getvalue())
    assert line["message"] == "rows past their days deleted"
    assert (line["deleted"], line["unfinished"]) == ({"records": 1_500, "outbox": 0}, ["records"])
    assert line["oldest_kept_seconds"] == {"records": 7_776_000.5, "outbox": 60.0}
    assert "failure" not in line


def test_deleted_rows_and_the_age_of_the_oldest_are_metrics_of_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """Zeros, too: a metric that is silent means that prune does not run."""
    telemetry.observe_prune(REPORT)
    printed = capsys.readouterr().out
    documents = [json.loads(line) for line in printed.splitlines() if "CloudWatchMetrics" in line]
    units = {
        metric["Name"]: metric["Unit"] for one in documents for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    assert units == {"Pruned": "Count", "OldestKeptAge": "Seconds"}
    assert counted()["PruneUnfinished"] == [1]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Pruned", {"records": [1_500.0], "outbox": [0.0]}),
        ("OldestKeptAge", {"records": [7_776_000.5], "outbox": [60.0]}),
    ],
)
def test_each_kind_is_a_value_of_the_dimension(
    capsys: pytest.CaptureFixture[str], name: str, values: dict[str, list[float]]
) -> None:
    """By the name that the report gives it."""
    telemetry.observe_prune(REPORT)
    assert by_dimension(capsys, name, "table") == values
