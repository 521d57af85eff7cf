"""Operators rotate the data key and seal credentials anew, through the API's function."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.integration.api.calling import CHANNEL, OPERATE, call, jwt, operator
from tests.integration.api.stage import Stage
from tests.integration.clock import Clock
from tests.integration.credentials.test_channels import add_go_row, stored
from tests.integration.operating.operators import audited

ROTATE, RESEAL = f"{OPERATE}/keys/rotate", f"{OPERATE}/keys/reseal"
DONE = {"unreadable": 0, "next": None, "left": 0}


def save(stage: Stage, user: int) -> None:
    body = {"webhook_url": stage.feishu.webhook_url(f"user-{user}"), "auth_type": "bearer", "bearer_token": "a-token"}
    assert call("PUT", CHANNEL, body, by=jwt(user)).data["configured"]


def test_what_is_saved_after_a_rotation_is_under_the_new_key(stage: Stage, engine: Engine) -> None:
    """What was sealed before opens as it did."""
    save(stage, 7)
    first = key_of(engine, 7)
    second = call("POST", ROTATE, by=operator()).data["key_id"]
    assert second > first
    save(stage, 8)
    assert (key_of(engine, 7), key_of(engine, 8)) == (first, second)
    assert call("POST", f"{CHANNEL}/test", by=jwt(7)).data["status"] == "success"


def test_everything_is_sealed_anew(stage: Stage, engine: Engine, clock: Clock) -> None:
    """Rows of the Go service, too; doing it again changes nothing, and both leave a line."""
    save(stage, 7)
    add_go_row(engine, clock, 8, webhook_url=stage.feishu.webhook_url("user-8"), auth_type="bearer", bearer_token="t")
    newest = call("POST", ROTATE, by=operator()).data["key_id"]
    assert call("POST", RESEAL, {}, by=operator()).data == {"changed": 2, **DONE}
    assert {key_of(engine, user) for user in (7, 8)} == {newest}
    assert stored(engine, 8).bearer_token.startswith(f"v1:{newest}:")
    stage.forget()
    for user in (7, 8):
        assert call("POST", f"{CHANNEL}/test", by=jwt(user)).data["status"] == "success"
    assert call("POST", RESEAL, {}, by=operator()).data == {"changed": 0, **DONE}
    who = "night-shift"
    assert audited(engine) == [(who, "reseal", 0), (who, "reseal", 2), (who, "rotate", 1)]


def test_it_goes_on_where_it_is_told(stage: Stage, engine: Engine) -> None:
    """Behind a row's id; anything else is refused by its name."""
    for user in (7, 8):
        save(stage, user)
    call("POST", ROTATE, by=operator())
    assert call("POST", RESEAL, {"next": stored(engine, 7).id}, by=operator()).data == {"changed": 1, **DONE}
    for wrong in (-1, "7", 2**63, 1.5, None, [7]):
        http, code, info = call("POST", RESEAL, {"next": wrong}, by=operator()).refusal
        assert (http, code, "next: " in info) == (400, "40005", True)


def key_of(engine: Engine, user: int) -> int:
    """Under which data key this user's webhook is sealed."""
    version, key_id, _ = stored(engine, user).webhook_url.split(":")
    assert version == "v1"
    return int(key_id)
