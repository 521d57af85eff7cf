"""What the API answers while MySQL or KMS is away, and that nothing secret is told anywhere."""

from __future__ import annotations

import io
import json
import logging
import socket
from typing import Any

import pytest
from sqlalchemy import Engine

from delivery.aws.telemetry import logger
from delivery.storage.tables import metadata
from tests.integration.api.calling import BACKEND, CHANNEL, OPERATE, ROOT, Answer, call, jwt, operator
from tests.integration.api.stage import Stage
from tests.integration.clock import Clock
from tests.integration.notifications import event, kafka
from tests.integration.sending import PointerList, ingester

BROKEN = (500, "500", "internal error")
AWAY = (500, "500", "not available now; try again later")
KEY, TOKEN = "plantedWebhookKey0123456789", "planted-bearer-token-0123456789"
CALLS = (("GET", CHANNEL), ("PUT", CHANNEL), ("DELETE", CHANNEL), ("POST", f"{CHANNEL}/test"))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """All that goes to standard output, where Lambda takes it from, and what libraries log beside it."""
    written = io.StringIO()
    [handler] = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    beside = logging.StreamHandler(written)
    logging.getLogger().addHandler(beside)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    monkeypatch.setattr(logging.getLogger(), "handlers", [*logging.getLogger().handlers, beside])
    return written


def body(stage: Stage) -> dict[str, str]:
    return {"webhook_url": stage.feishu.webhook_url(KEY), "auth_type": "bearer", "bearer_token": TOKEN}


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask(stage: Stage, method: str, path: str) -> Answer:
    return call(method, path, body(stage) if method == "PUT" else None, by=jwt(7))


def is_away(what: str) -> tuple[int, str, str]:
    """As operators are told."""
    return 503, "503", f"{what} is down or too slow; try again later"


def test_without_mysql_each_call_is_500_in_go_s_shape(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    """Own words, and the cause in the log, under the request's id. Operators are told what is away."""
    monkeypatch.setenv("DATABASE_PORT", str(closed_port()))
    stage.forget()
    for method, path in CALLS:
        assert ask(stage, method, path).refusal == AWAY
    assert call("GET", f"{OPERATE}/records", by=operator()).refusal == is_away("MySQL")
    assert call("GET", f"{ROOT}/users/7/channels/feishu", by=BACKEND).refusal == AWAY
    lines = [json.loads(line) for line in log.getvalue().splitlines() if '"a request failed"' in line]
    assert len(lines) == 6
    assert all("OperationalError" in line["exception_name"] for line in lines)
    assert {line["function_request_id"] for line in lines} == {"request-1"}
    stage.forget()


def test_without_kms_each_call_that_needs_a_key_is_500(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    """Its words are in the log. Deleting needs none; nothing is saved half."""
    ask(stage, "PUT", CHANNEL)
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{closed_port()}")
        stage.forget()
        for method, path in (CALLS[0], CALLS[1], CALLS[3]):
            assert ask(stage, method, path).refusal == AWAY
        assert call("GET", f"{OPERATE}/channels", by=operator(), query="user_id=7").refusal == is_away("KMS")
        for route in ("rotate", "reseal"):
            assert call("POST", f"{OPERATE}/keys/{route}", {}, by=operator()).refusal == is_away("KMS")
    assert "KMS: EndpointConnectionError" in log.getvalue()
    stage.forget()
    assert ask(stage, "GET", CHANNEL).data["has_bearer_token"]
    assert "last_test_status" not in ask(stage, "GET", CHANNEL).data
    assert stage.feishu.calls() == []


def test_without_kms_no_first_channel_is_saved(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no data key to seal it with."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{closed_port()}")
    stage.forget()
    assert ask(stage, "PUT", CHANNEL).refusal == AWAY
    assert ask(stage, "GET", CHANNEL).data["configured"] is False


def test_without_secrets_manager_a_new_instance_has_no_login(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is connected goes on."""
    assert ask(stage, "GET", CHANNEL).http == 200
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{closed_port()}")
    assert ask(stage, "GET", CHANNEL).http == 200
    stage.forget()
    assert ask(stage, "GET", CHANNEL).refusal == AWAY
    assert call("GET", f"{OPERATE}/audit", by=operator()).refusal == is_away("AWS")


def test_without_sqs_a_replay_is_done_all_the_same(
    stage: Stage, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there, and comes due when its hand-off deadline is over."""
    ingester(engine, clock, PointerList()).run([kafka(event("late", target_url="/new/1"))])
    monkeypatch.setenv("ALLOWED_URL_PREFIXES", "/new/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{closed_port()}")
    stage.forget()
    assert call("POST", f"{OPERATE}/replay", {"filter": {}}, by=operator()).data["accepted"] == 1
    [listed] = call("GET", f"{OPERATE}/records", by=operator()).data["items"]
    assert (listed["dedupe_key"], listed["status"]) == ("late", "pending")


def test_a_fault_of_ours_is_told_as_one(stage: Stage, engine: Engine, log: io.StringIO) -> None:
    """Nothing is away: to come back later would not help."""
    assert stage
    with engine.begin() as connection:
        connection.exec_driver_sql("RENAME TABLE notification_audit TO notification_audit_gone")
    try:
        assert call("GET", f"{OPERATE}/audit", by=operator()).refusal == BROKEN
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("RENAME TABLE notification_audit_gone TO notification_audit")
    assert "a request failed" in log.getvalue()


def test_planted_secrets_are_told_nowhere(
    stage: Stage, engine: Engine, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """In no answer, log line or column: when all goes well, when Feishu repeats them, when a body is refused."""
    told: list[object] = []

    def keep(answer: Answer) -> None:
        told.append((answer.body, answer.headers))

    stage.feishu.set_webhook(KEY, bearer_token=TOKEN)
    for fault in (None, {"kind": "code", "code": 19024, "msg": f"no {TOKEN} at {KEY}"}, {"kind": "cut"}):
        if fault:
            stage.feishu.set_fault(**fault)
        for method, path in CALLS[1:2] + CALLS[:1] + CALLS[3:]:
            keep(ask(stage, method, path))
        keep(call("GET", f"{OPERATE}/channels", by=operator(), query="user_id=7"))
        stage.feishu.clear_faults()
    for refused in (
        {**body(stage), "webhook_url": f"https://evil.example/{KEY}"},
        {**body(stage), "enabled": TOKEN},
        {**body(stage), "bearer_token": f"{TOKEN}\n{TOKEN}"},
        {**body(stage), "auth_type": {TOKEN: KEY}},
        f'{{"webhook_url": "{KEY}", "bearer_token": "{TOKEN}"',
        f'{{"webhook_url": "{KEY}", "{TOKEN}": 1, "{TOKEN}": 2}}',
    ):
        keep(call("PUT", CHANNEL, refused, by=jwt(7)))
    for asked in ({"filter": {"code": {TOKEN: KEY}}}, {"ids": [TOKEN]}, {"next": f"{TOKEN}{KEY}"}, {TOKEN: KEY}):
        keep(call("POST", f"{OPERATE}/redrive", asked, by=operator()))
    keep(call("GET", f"{OPERATE}/records", by=operator(), query=f"next={TOKEN}&size={KEY}"))
    assert len(told) == 12 + 6 + 4 + 1
    everything = f"{told}\n{log.getvalue()}\n{rows(engine)}\n{capfd.readouterr()}"
    assert "plan...6789" in everything  # the mask, which is how this would find the rest
    for secret in (KEY, TOKEN):
        at = everything.find(secret)
        assert at < 0, everything[max(0, at - 300) : at + 100]


def rows(engine: Engine) -> list[Any]:
    """Every row of every table, bytes as text."""
    with engine.connect() as connection:
        return [list(connection.execute(table.select())) for table in metadata.tables.values()]
