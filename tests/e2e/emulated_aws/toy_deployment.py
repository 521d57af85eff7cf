"""Runs a toy deployment for a test: functions and queues by logical id, and event sources while a test wants them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.lambda_.emulator import InvokeResult
from local.lambda_.event_sources.all_sources import run_event_sources
from local.lambda_.worker_pool import WorkerPool
from local.servers.aws import Aws
from local.template.deployment import Deployment, Function
from local.template.moto_stack import Resource


@dataclass(frozen=True, kw_only=True)
class Toys:
    deployment: Deployment
    resources: Sequence[Resource]
    aws: Aws
    #: by function name
    pools: dict[str, WorkerPool] = field(default_factory=dict)
    #: what event sources reported
    reports: list[str] = field(default_factory=list)

    def function(self, logical_id: str) -> Function:
        return next(function for function in self.deployment.functions if function.logical_id == logical_id)

    def pool(self, logical_id: str) -> WorkerPool:
        return self.pools[self.function(logical_id).name]

    def invoke(self, logical_id: str, event: object) -> InvokeResult:
        return self.pool(logical_id).invoke(json.dumps(event).encode())

    def answer(self, logical_id: str, event: object) -> Any:
        answer = self.invoke(logical_id, event)
        assert answer.error is None, answer
        return json.loads(answer.payload)

    @contextmanager
    def sources(self, *, minute_seconds: float = 60.0) -> Iterator[None]:
        """All event sources of the deployment, for the length of the block."""
        with run_event_sources(
            self.deployment, self.pools, aws=self.aws, minute_seconds=minute_seconds, report=self.reports.append
        ):
            yield

    def queue_url(self, logical_id: str) -> str:
        url = next(resource.physical_id for resource in self.resources if resource.logical_id == logical_id)
        assert url
        return url

    def put(self, queue: str, *bodies: object) -> None:
        """A message for each body; one call, so that they can be received together."""
        entries = [{"Id": str(index), "MessageBody": json.dumps(body)} for index, body in enumerate(bodies)]
        sqs = self.aws.session.client("sqs", endpoint_url=self.aws.endpoint_url)
        sqs.send_message_batch(QueueUrl=self.queue_url(queue), Entries=entries)  # type: ignore[arg-type]

    def messages_in(self, queue: str) -> int:
        """Visible ones and those in flight."""
        sqs = self.aws.session.client("sqs", endpoint_url=self.aws.endpoint_url)
        counts = sqs.get_queue_attributes(QueueUrl=self.queue_url(queue), AttributeNames=["All"])["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
