"""The API's function on the tests' MySQL, with KMS and Secrets Manager by moto and Feishu by its simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.session import Session
from moto.server import ThreadedMotoServer

from delivery.aws.wiring import api as wiring
from delivery.aws.wiring import ingest
from delivery.feishu.flow_webhook import FlowWebhook
from delivery.storage.mysql.database import address_of
from local.feishu import FeishuSimulator

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    feishu: FeishuSimulator
    kms_key: str

    def forget(self) -> None:
        """As a new instance of the function begins, and Feishu without calls and faults."""
        self.feishu.clear_calls()
        self.feishu.clear_faults()
        self.feishu.receiver.webhooks.clear()
        _forget()


@contextmanager
def api_stage(url: str, **settings: str) -> Iterator[Stage]:
    """Its environment as the template sets it, and nothing built yet."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _in_environment(monkeypatch, url, settings)


def _in_environment(monkeypatch: pytest.MonkeyPatch, url: str, settings: Mapping[str, str]) -> Iterator[Stage]:
    address = address_of(url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    opened: list[Any] = []
    make = Session.create_client

    def remembered(*given: Any, **named: Any) -> Any:
        opened.append(make(*given, **named))
        return opened[-1]

    monkeypatch.setattr(Session, "create_client", remembered)
    with _aws() as endpoint, FeishuSimulator() as feishu:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        login = {"username": address.user, "password": address.password}
        key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
        environment = {
            "DATABASE_HOST": address.host,
            "DATABASE_PORT": str(address.port),
            "DATABASE_NAME": address.database,
            "DATABASE_SECRET_ARN": _secret("mysql", json.dumps(login)),
            "SEND_QUEUE_URL": boto3.client("sqs", region_name=REGION).create_queue(QueueName=f"send-{uuid4()}")[
                "QueueUrl"
            ],
            "DATA_KEY_ARN": key,
            "STAGE": "dev",
            "WEBHOOK_ORIGINS": feishu.url,
            "ACTION_BASE_URL": "https://app.example",
            **settings,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        _forget()
        yield Stage(feishu=feishu, kms_key=key)
        _forget()
        for client in opened:
            client.close()


@contextmanager
def _aws() -> Iterator[str]:
    """Moto's server, over sockets as Feishu's: what it patches in a process would catch our own calls, too."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def _secret(name: str, text: str) -> str:
    """Under a new name each: moto's servers in one process share what they hold."""
    return str(
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name=f"{name}-{uuid4()}", SecretString=text)[
            "ARN"
        ]
    )


def _forget() -> None:
    if wiring._channels.cache_info().currsize:
        for way in wiring._channels().ways.values():
            assert isinstance(way, FlowWebhook)
            way.feishu.transport.close()
    if wiring._engine.cache_info().currsize:
        wiring._engine().dispose()
    for built in (wiring.door, wiring._channels, wiring._operating, wiring._keys, wiring._engine, ingest.ingester):
        built.cache_clear()
