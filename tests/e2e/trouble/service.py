"""The deployed functions of stage `local`, invoked by a test that stands for their event sources and for time."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

from mypy_boto3_sqs import SQSClient
from sqlalchemy import Engine

from delivery.aws.key_ring import KmsKeyRing
from delivery.domain.channel import Channel
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.storage.channels import Channels
from delivery.storage.data_keys import DataKeys
from delivery.storage.mysql.database import address_of, open_engine
from local.feishu import FeishuSimulator
from local.lambda_.emulator import InvokeResult, start_emulator
from local.lambda_.event_sources.sqs_event import failed_items, sqs_event, sqs_record
from local.lambda_.runtime import LambdaRuntime
from local.lambda_.worker_pool import WorkerPool
from local.servers.aws import Aws
from local.template.deployment import Deployment, Function
from local.template.overrides import STACK_NAME
from tests.e2e.trouble.gate import Gate
from tests.infra.templates import Template

_TOPIC = "smartflow.notification.outbox"
_offsets = count()


@dataclass(frozen=True, kw_only=True)
class Service:
    deployment: Deployment
    template: Template
    gate: Gate
    aws: Aws
    database_url: str
    feishu: FeishuSimulator
    runtime: LambdaRuntime
    logs: Path
    pools: dict[str, WorkerPool] = field(default_factory=dict)

    def invoke(self, word: str, event: bytes = b"{}") -> InvokeResult:
        if word not in self.pools:
            function = self.function(word)
            start = partial(
                start_emulator, function, runtime=self.runtime, aws=self.aws.environment, log=self.log_file(word)
            )
            self.pools[word] = WorkerPool(function, start, size=1)
        return self.pools[word].invoke(event)

    def make_cold(self) -> None:
        """The next invocation of each function is a cold start: what an instance remembers is gone."""
        while self.pools:
            self.pools.popitem()[1].close()

    def function(self, word: str) -> Function:
        return next(function for function in self.deployment.functions if function.word == word)

    def log_file(self, word: str) -> Path:
        return self.logs / f"{word}.log"

    def log(self, word: str) -> list[dict[str, Any]]:
        """The lines that are JSON: the function's own, and its metrics."""
        return [json.loads(line) for line in self.log_file(word).read_text().splitlines() if line.startswith("{")]

    def send(self) -> list[InvokeResult]:
        """Delivers what waits in the send queue and in the report queue, and deletes what succeeded."""
        return [answer for name in ("SEND_QUEUE_URL", "REPORT_QUEUE_URL") for answer in self._drain(self._queue(name))]

    def hour(self) -> InvokeResult:
        """An hour passes for every record, claim ticks, and what it published is sent."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE notification_records SET next_retry_at = next_retry_at - INTERVAL 1 HOUR"
            )
        ticked = self.invoke("claim")
        self.send()
        return ticked

    def _drain(self, url: str) -> Iterator[InvokeResult]:
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            answer = self.invoke("send", sqs_event([sqs_record(it, queue_arn="arn") for it in messages]))
            failed = failed_items(answer.payload, (it["MessageId"] for it in messages)) if not answer.error else None
            for message in messages:
                if failed is not None and message["MessageId"] not in failed:
                    self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield answer

    def _queue(self, name: str) -> str:
        return self.function("claim").environment[name]

    @cached_property
    def _sqs(self) -> SQSClient:
        """Past the gate: an event source is not refused what a function is."""
        return self.aws.session.client("sqs", endpoint_url=f"http://{self.gate.moto}")

    @cached_property
    def engine(self) -> Engine:
        address = address_of(self.database_url)
        return open_engine(lambda: address)

    def end_connections(self) -> None:
        """Of the functions to MySQL, so that they need a login."""
        with self.engine.connect() as connection:
            own = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
            for process in connection.exec_driver_sql("SHOW PROCESSLIST").all():
                if process.Command == "Sleep" and process.Id != own:
                    connection.exec_driver_sql(f"KILL {process.Id}")

    def sealed_channel(self, user_id: int) -> None:
        """As the API stores it, under the template's KMS key."""
        kms = self.aws.session.client("kms", endpoint_url=self.aws.endpoint_url)
        keys = KmsKeyRing(kms=kms, kms_key=self._data_key(), stored=DataKeys(engine=self.engine), now=_now)
        url = self.feishu.webhook_url(f"user-{user_id}")
        channel = Channel(user_id=user_id, channel=FLOW_WEBHOOK, enabled=True, webhook_url=url, bearer_token="")
        Channels(engine=self.engine, keys=keys).save(channel, now=_now())

    def _data_key(self) -> str:
        client = self.aws.session.client("cloudformation", endpoint_url=self.aws.endpoint_url)
        outputs = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
        return next(output["OutputValue"] for output in outputs if output["OutputKey"] == "DataKeyArn")

    def plain_channel(self, user_id: int) -> None:
        """As the Go service stored it, so that it needs no key."""
        self.sealed_channel(user_id)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE user_notification_channels SET webhook_url = %s WHERE user_id = %s",
                (self.feishu.webhook_url(f"user-{user_id}"), user_id),
            )

    def states(self) -> dict[int, tuple[str, int]]:
        """Status and attempts used, by user."""
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT user_id, status, attempt_count FROM notification_records").all()
        return {row.user_id: (row.status, row.attempt_count) for row in found}

    def history(self) -> list[str]:
        """The outcomes of all attempts."""
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql("SELECT outcome FROM notification_attempts").scalars())

    def arrived(self) -> list[int]:
        """The users whose message Feishu has shown, once for each time."""
        return sorted(call.user_id for call in self.feishu.calls(accepted=True) if call.user_id)


def batch(*events: bytes) -> bytes:
    """The event of a Kafka batch; delivered again after an error, it is the same."""
    records = [
        {"topic": _TOPIC, "partition": 0, "offset": next(_offsets), "value": base64.b64encode(one).decode()}
        for one in events
    ]
    return json.dumps({"records": {f"{_TOPIC}-0": records}}).encode()


def _now() -> datetime:
    return datetime.now(UTC)
