"""Calls the migrate function as CloudFormation and as people do, and returns what either of them sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, text

from functions.migrate.handler import handler
from tests.integration.conftest import engine_for
from tests.unit.feishu.raw_server import RawServer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
IDS = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Migrated"}


class Secrets:
    """What the function needs of Secrets Manager."""

    def __init__(self, *, user: str, password: str) -> None:
        self._secret = json.dumps({"username": user, "password": password})

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": self._secret}


def context(seconds: float = 900) -> Any:
    return SimpleNamespace(
        function_name="migrate",
        memory_limit_in_mb=512,
        invoked_function_arn="arn",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: int(seconds * 1000),
    )


def by_hand(**event: object) -> Mapping[str, str | int | None] | None:
    return handler(event, context())


def deploys(cloudformation: RawServer, kind: str = "Create", *, seconds: float = 900) -> tuple[str, str]:
    return answer_of(handler, cloudformation, kind, seconds)


def answer_of(function: Callable[..., Any], cloudformation: RawServer, kind: str, seconds: float) -> tuple[str, str]:
    """Status and reason of a function's one answer to a request of this kind."""
    event = {"RequestType": kind, "ResponseURL": f"{cloudformation.origin}/answer?signed", **IDS}
    cloudformation.requests.clear()
    assert function(event, context(seconds)) is None
    [raw] = cloudformation.requests
    body = json.loads(raw.partition(b"\r\n\r\n")[2])
    assert {name: body[name] for name in IDS} == IDS
    return body["Status"], body["Reason"]


def revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def tables(url: str) -> set[str]:
    engine = engine_for(url)
    with engine.connect() as connection:
        found = set(connection.execute(text("SHOW TABLES")).scalars())
    engine.dispose()
    return found
