"""The metrics and log lines of one test."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from delivery.aws import telemetry


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As the template sets it; metrics of one test are not left to another."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Hongyan")
    monkeypatch.setattr(telemetry.metrics.provider, "namespace", "Hongyan")
    telemetry.metrics.clear_metrics()
    yield
    telemetry.metrics.clear_metrics()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The log lines so far, each one JSON object."""
    written = io.StringIO()
    [handler] = logging.getLogger(telemetry.logger.name).handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]
