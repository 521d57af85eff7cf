"""A running stack: where its servers and functions are, and what the commands and the demo do with it."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from delivery.feishu.flow_webhook import WEBHOOK_PATH
from local.http_api.client import ApiClient
from local.lambda_.invoke_api import invoke_path
from local.lambda_.worker_pool import WorkerPool
from local.servers.all_servers import Servers
from local.servers.aws import Aws
from local.template.overrides import webhook_origins

#: The demo's operator in the audit.
_OPERATOR = 1


@dataclass(frozen=True, kw_only=True)
class Stack:
    servers: Servers
    #: Ingest's consumer group.
    consumer_group: str
    #: by short name: `ingest`, `claim`, `send`
    functions: Mapping[str, WorkerPool]
    #: of the Invoke API
    invoke_url: str
    #: of the HTTP API
    api_url: str

    @property
    def database_url(self) -> str:
        return self.servers.database_url

    @property
    def kafka_bootstrap_servers(self) -> str:
        return self.servers.kafka.bootstrap_servers

    @property
    def topic(self) -> str:
        return self.servers.topic

    @property
    def feishu_url(self) -> str:
        return self.servers.feishu_url

    @property
    def aws(self) -> Aws:
        return self.servers.aws

    @property
    def issuer_url(self) -> str:
        return self.servers.issuer.url

    def endpoints(self) -> Mapping[str, object]:
        """The content of `.local/endpoints.json`."""
        return {
            "database_url": self.database_url,
            "kafka_bootstrap_servers": self.kafka_bootstrap_servers,
            "topic": self.topic,
            "consumer_group": self.consumer_group,
            "aws_endpoint_url": self.aws.endpoint_url,
            "feishu_url": self.feishu_url,
            "webhook_origins": webhook_origins(self.feishu_url),
            "api_url": self.api_url,
            "issuer_url": self.issuer_url,
            "queues": self.queue_urls,
            "functions": {word: f"{self.invoke_url}{invoke_path(word)}" for word in self.functions},
        }

    @property
    def queue_urls(self) -> Mapping[str, str]:
        """The URLs of the send queue and the report queue."""
        given = self.functions["claim"].function.environment
        return {"send": given["SEND_QUEUE_URL"], "reports": given["REPORT_QUEUE_URL"]}

    def webhook_url(self, key: str) -> str:
        """A URL of the simulator with the path that Feishu's have."""
        return f"{self.feishu_url}{WEBHOOK_PATH}{key}"

    def register_channel(self, *, user_id: int, webhook_url: str, enabled: bool = True, bearer_token: str = "") -> None:
        """Saves a user's channel as a front end does: through the API, with a token of the user's."""
        body = {
            "webhook_url": webhook_url,
            "enabled": enabled,
            "auth_type": "bearer" if bearer_token else "none",
            "bearer_token": bearer_token,
        }
        self.api(user_id).put("/channels/feishu", body)

    def redrive(self, record_id: int) -> None:
        """Makes a dead or skipped record due again, as an operator does."""
        self.api(_OPERATOR, is_operator=True).post("/operate/redrive", {"ids": [record_id]})

    def api(self, user_id: int, *, is_operator: bool = False) -> ApiClient:
        """The API, as this user sees it."""
        token = self.servers.issuer.token(user_id, now=datetime.now(UTC), is_operator=is_operator)
        return ApiClient(url=self.api_url, token=token)

    def kill_one_sender(self) -> bool:
        """Sends SIGKILL to the process of a busy sender. False when no sender is busy."""
        busy = self.functions["send"].busy()
        for worker in sorted(busy, key=lambda worker: not worker.warm):  # a cold one may not have opened an attempt yet
            pid = worker.runtime_pid()
            with suppress(ProcessLookupError):
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    return True
        return False
