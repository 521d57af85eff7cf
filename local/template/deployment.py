"""The functions, event sources, schedules and HTTP APIs of a deployment, as its template describes them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.template.http_api import HttpApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    logical_id: str
    #: the physical name
    name: str
    handler: str
    runtime: str
    #: the directory that would be uploaded
    code: Path
    #: the directories that would be unpacked into /opt, first to last
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int

    @property
    def word(self) -> str:
        """`ingest` for `IngestFunction1A2B3C4D`: the logical id without what the CDK adds."""
        return function_word(self.logical_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaMapping:
    logical_id: str
    #: the name of the function that is invoked with the batches
    function: str
    bootstrap_servers: str
    topic: str
    group: str
    batch_size: int
    window_seconds: float
    #: TRIM_HORIZON or LATEST: where a group without committed offsets begins
    starting_position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMapping:
    logical_id: str
    function: str
    queue_arn: str
    batch_size: int
    window_seconds: float
    #: None means Lambda's own limit
    max_concurrency: int | None
    reports_item_failures: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    logical_id: str
    function: str
    #: `rate(1 minute)`
    expression: str
    #: the event as JSON; without one the function gets the scheduler's own event
    input: str | None
    #: how often Lambda retries the asynchronous invocation
    retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    functions: Sequence[Function]
    kafka_mappings: Sequence[KafkaMapping]
    queue_mappings: Sequence[QueueMapping]
    schedules: Sequence[Schedule]
    http_apis: Sequence[HttpApi]


def function_word(logical_id: str) -> str:
    return re.sub(r"(Function)?[0-9A-F]{8}$", "", logical_id).lower()
