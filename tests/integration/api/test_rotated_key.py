"""The key of the backend's own tokens is rotated in Secrets Manager while instances of the authorizer live on."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import jwt
import pytest

from delivery.aws.api.own_tokens import KeysOutOfReach, OwnTokens
from delivery.aws.clients import client
from delivery.aws.token_keys import TokenKeys
from delivery.aws.wiring import authorizer as wiring
from functions.authorizer import handler as authorizer
from tests.integration.api.calling import CHANNEL, OPERATE, call, own
from tests.integration.api.calling import request as event_of
from tests.integration.api.stage import Stage

OLD, NEW, NEWEST = (f"the-{word}-key-of-thirty-two-bytes-or-more" for word in ("old", "new", "newest"))
HOUR = timedelta(hours=1)
REFUSED = {"refused": "40011"}


@dataclass(slots=True, kw_only=True)
class Clock:
    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass(slots=True, kw_only=True)
class Counted:
    """Secrets Manager, with a count of its calls."""

    made: Any
    calls: list[str] = field(default_factory=list)

    def get_secret_value(self, **arguments: Any) -> Any:
        self.calls.append(arguments.get("VersionStage", "AWSCURRENT"))
        return self.made.get_secret_value(**arguments)


@pytest.fixture
def secret(stage: Stage) -> str:
    assert stage
    return str(boto3.client("secretsmanager").create_secret(Name=f"tokens-{uuid4()}", SecretString=OLD)["ARN"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secrets_manager(stage: Stage) -> Counted:
    assert stage
    return Counted(made=client("secretsmanager"))


@pytest.fixture
def tokens(secret: str, clock: Clock, secrets_manager: Counted) -> Callable[[str], Any]:
    """What the authorizer says of a token that this key signed."""
    keys = TokenKeys(secrets_manager=secrets_manager, secret_arn=secret, now=clock)
    own_tokens = OwnTokens(keys=keys.read_within, issuer="", audience="", claims=("sub",))

    def told(key: str) -> Any:
        signed = jwt.encode({"sub": "7", "exp": datetime.now(UTC) + HOUR}, key)
        return own_tokens.context_of({"authorization": f"Bearer {signed}"})

    return told


def rotate(secret: str, key: str) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=key)


def test_a_new_key_is_taken_up_by_the_first_token_that_it_signed(
    tokens: Callable[[str], Any], secret: str, clock: Clock
) -> None:
    """A few seconds after the keys were read last; the old one stays good for an hour."""
    assert (tokens(OLD), tokens(NEW)) == ({"sub": "7"}, REFUSED)
    rotate(secret, NEW)
    clock.move(seconds=6)
    assert (tokens(NEW), tokens(OLD)) == ({"sub": "7"}, {"sub": "7"})
    clock.move(minutes=61)
    assert (tokens(NEW), tokens(OLD)) == ({"sub": "7"}, REFUSED)


def test_rotating_twice_ends_a_key_at_once(tokens: Callable[[str], Any], secret: str, clock: Clock) -> None:
    """Within the minute for which keys are kept: what to do if one was stolen."""
    assert tokens(OLD) == {"sub": "7"}
    rotate(secret, NEW)
    rotate(secret, NEWEST)
    clock.move(seconds=61)
    assert (tokens(OLD), tokens(NEW), tokens(NEWEST)) == (REFUSED, {"sub": "7"}, {"sub": "7"})


def test_bad_tokens_do_not_ask_secrets_manager_each_time(
    tokens: Callable[[str], Any], clock: Clock, secrets_manager: Counted
) -> None:
    """It is asked once in five seconds at most, and once a minute for good ones."""
    for _ in range(50):
        assert tokens("another-key-of-thirty-two-bytes-or-more") == REFUSED
    assert secrets_manager.calls == ["AWSCURRENT", "AWSPREVIOUS"]
    clock.move(seconds=59)
    for _ in range(50):
        assert tokens(OLD) == {"sub": "7"}
    assert len(secrets_manager.calls) == 2
    clock.move(seconds=2)
    assert tokens(OLD) == {"sub": "7"}
    assert len(secrets_manager.calls) == 4


def test_while_secrets_manager_is_away_the_last_key_is_good(
    tokens: Callable[[str], Any], clock: Clock, secrets_manager: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is not asked at every token."""
    assert tokens(OLD) == {"sub": "7"}
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{closed_port()}")
    secrets_manager.made = client("secretsmanager")
    clock.move(minutes=5)
    before = len(secrets_manager.calls)
    assert [tokens(OLD) for _ in range(3)] == [{"sub": "7"}] * 3
    assert len(secrets_manager.calls) == before + 1


def test_without_any_key_nobody_is_let_in_or_called_a_liar(
    secret: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A front end gets the 500 that it knows, an operator is told what is away."""
    assert stage
    monkeypatch.setenv("TOKEN_SECRET_ARN", secret)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{closed_port()}")
    wiring.own_tokens.cache_clear()
    told = authorizer.handler(event_of("GET", CHANNEL, headers={"authorization": "Bearer a.b.c"}), _context())
    wiring.own_tokens.cache_clear()
    by = own(**told["context"])
    assert call("GET", CHANNEL, by=by).refusal == (500, "500", "not available now; try again later")
    away = (503, "503", "Secrets Manager is down or too slow; try again later")
    assert call("GET", f"{OPERATE}/records", by=by).refusal == away


def test_a_key_that_was_never_read_is_not_made_up(secret: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{closed_port()}")
    keys = TokenKeys(secrets_manager=client("secretsmanager"), secret_arn=secret, now=clock)
    for _ in range(2):
        with pytest.raises(KeysOutOfReach):
            keys.read_within(HOUR)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _context() -> Any:
    return SimpleNamespace(
        function_name="authorizer", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="request-1"
    )
