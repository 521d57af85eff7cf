"""A request has six seconds, and API Gateway waits eight: the answer is there in time, whatever does not answer us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from sqlalchemy import Engine

from delivery.storage.mysql.database import address_of
from tests.integration.api.calling import CHANNEL, OPERATE, Answer, call, jwt, operator
from tests.integration.api.stage import Stage
from tests.integration.silences import Silence, silence

EDGE_SECONDS = 8.0
AWAY = (500, "500", "not available now; try again later")
MYSQL_AWAY = (503, "503", "MySQL is down or too slow; try again later")


@pytest.fixture
def between(stage: Stage, shared_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    """Stands between the function and MySQL."""
    address = address_of(shared_url)
    with silence(address.host, address.port) as between:
        monkeypatch.setenv("DATABASE_PORT", str(between.port))
        stage.forget()
        yield between
        between.passing.set()
        stage.forget()


def in_time(method: str, path: str, body: object = None, *, is_operator: bool = False) -> Answer:
    """With what Lambda leaves a function whose time-out is eight seconds."""
    began = monotonic()
    answer = call(method, path, body, by=operator() if is_operator else jwt(7), millis=int(1000 * EDGE_SECONDS))
    assert monotonic() - began < EDGE_SECONDS
    return answer


def test_a_silent_mysql_is_given_up_in_time(between: Silence, stage: Stage) -> None:
    """On the connection that there is, and on a new one; then it works again."""
    assert in_time("GET", CHANNEL).http == 200
    between.fall_silent()
    assert in_time("GET", CHANNEL).refusal == AWAY
    stage.forget()
    assert in_time("GET", f"{OPERATE}/records", is_operator=True).refusal == MYSQL_AWAY
    between.passing.set()
    assert in_time("GET", CHANNEL).http == 200


@contextmanager
def locked_channel(engine: Engine) -> Iterator[None]:
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT id FROM user_notification_channels WHERE user_id = 7 FOR UPDATE")
        yield


def test_a_locked_row_is_given_up_in_time(stage: Stage, engine: Engine) -> None:
    """Whoever waits for it is told to come again; what was there stays, and others are not held up."""
    body = {"webhook_url": stage.feishu.webhook_url("abcd1234efgh5678")}
    assert in_time("PUT", CHANNEL, body).http == 200
    changes: tuple[Callable[[], Answer], ...] = (
        lambda: in_time("PUT", CHANNEL, {**body, "enabled": False}),
        lambda: in_time("DELETE", CHANNEL),
    )
    with locked_channel(engine):
        for change in changes:
            assert change().refusal == AWAY
        assert call("PUT", CHANNEL, body, by=jwt(8)).http == 200
    assert in_time("GET", CHANNEL).data["enabled"] is True
    assert [change().http for change in changes] == [200, 200]
