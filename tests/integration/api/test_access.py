"""Who reaches what: by a token that API Gateway or our authorizer checked, by an AWS identity, with a scope or not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import pytest

from delivery.aws.wiring import authorizer as wiring
from functions.authorizer import handler as authorizer
from tests.integration.api.calling import (
    BACKEND,
    CHANNEL,
    OPERATE,
    ROOT,
    SCOPE,
    Answer,
    call,
    jwt,
    operator,
    own,
)
from tests.integration.api.calling import request as event_of
from tests.integration.api.stage import Stage, api_stage

KEY = b"a-key-of-thirty-two-bytes-or-more!"
UNAUTHORIZED = (401, "40014", "unauthorized")
BODY = {"webhook_url": "https://www.feishu.cn/flow/api/trigger-webhook/abcd1234efgh5678"}
OF_7, OF_8 = f"{ROOT}/users/7/channels/feishu", f"{ROOT}/users/8/channels/feishu"
CHANNEL_CALLS = (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test"))
OPERATORS_CALLS = (
    ("GET", "/records"),
    ("GET", "/records/1"),
    ("GET", "/counts"),
    ("GET", "/rejects"),
    ("GET", "/rejects/1"),
    ("GET", "/channels"),
    ("GET", "/audit"),
    ("POST", "/redrive"),
    ("POST", "/replay"),
    ("POST", "/keys/rotate"),
    ("POST", "/keys/reseal"),
)


@pytest.fixture(scope="module")
def deployed(shared_url: str) -> Iterator[Stage]:
    settings = {"WEBHOOK_ORIGINS": "https://www.feishu.cn", "TOKEN_AUDIENCE": "front-end", "TOKEN_ISSUER": "backend"}
    with api_stage(shared_url, **settings) as stage, pytest.MonkeyPatch.context() as monkeypatch:
        secret = boto3.client("secretsmanager").create_secret(Name=f"tokens-{uuid4()}", SecretString=KEY.decode())
        monkeypatch.setenv("TOKEN_SECRET_ARN", secret["ARN"])
        yield stage


@pytest.fixture(autouse=True)
def new_authorizer(stage: Stage) -> None:
    """As a new instance of its function begins."""
    assert stage
    wiring.own_tokens.cache_clear()


def body_of(method: str) -> object:
    return BODY if method == "PUT" else None


def token(header: Any = None, *, key: bytes = KEY, digest: str = "sha256", **claims: object) -> str:
    """A claim of `...` is left out."""
    good = {"sub": "7", "iss": "backend", "aud": "front-end", "exp": int(time.time()) + 3_600}
    given = {name: value for name, value in {**good, **claims}.items() if value is not ...}
    signed = f"{_part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{_part(given)}"
    return f"{signed}.{_base64(hmac.new(key, signed.encode(), digest).digest())}"


def _part(document: object) -> str:
    return _base64(json.dumps(document).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def by_header(method: str, path: str, header: str | None, body: object = None) -> Answer:
    """Past the authorizer, as API Gateway calls it, with this Authorization header."""
    headers = {} if header is None else {"authorization": header}
    told = authorizer.handler(event_of(method, path, headers=headers), _context())
    assert told["isAuthorized"] is True
    json.dumps(told)
    return call(method, path, body, by=own(**told["context"]), headers=headers)


def _context() -> Any:
    return SimpleNamespace(
        function_name="authorizer", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="request-1"
    )


@pytest.mark.parametrize("written", ["Bearer {}", "bearer {}", "{}", "  Bearer   {} "])
def test_a_good_token_of_our_own_opens_its_user_s_channel(written: str) -> None:
    """With `Bearer` or bare, as the Go service took it."""
    answer = by_header("PUT", CHANNEL, written.format(token()), BODY)
    assert answer.data["configured"]
    assert call("GET", OF_7, by=BACKEND).data["configured"]
    assert not call("GET", OF_8, by=BACKEND).data["configured"]


BAD_TOKENS = {
    "none": (None, "40009", "missing token"),
    "empty": ("", "40009", "missing token"),
    "a scheme alone": ("Bearer ", "40009", "missing token"),
    "no token": ("Bearer something", "40011", "invalid token"),
    "three parts of nothing": ("Bearer a.b.c", "40011", "invalid token"),
    "another scheme": ("Basic dXNlcjpwYXNz", "40011", "invalid token"),
    "another key": (token(key=b"another-key-of-thirty-two-bytes!!"), "40011", "invalid token"),
    "no signature": (f"{token().rpartition('.')[0]}.", "40011", "invalid token"),
    "a cut signature": (token()[:-4], "40011", "invalid token"),
    "unsigned": (f"{_part({'alg': 'none'})}.{token().split('.')[1]}.", "40011", "invalid token"),
    "unsigned, in capitals": (f"{_part({'alg': 'NONE'})}.{token().split('.')[1]}.", "40011", "invalid token"),
    "HS384": (token({"alg": "HS384"}, digest="sha384"), "40011", "invalid token"),
    "HS512": (token({"alg": "HS512"}, digest="sha512"), "40011", "invalid token"),
    "RS256": (token({"alg": "RS256"}), "40011", "invalid token"),
    "no algorithm": (token({"typ": "JWT"}), "40011", "invalid token"),
    "expired": (token(exp=int(time.time()) - 1), "40011", "invalid token"),
    "not yet": (token(nbf=int(time.time()) + 600), "40011", "invalid token"),
    "an end that is no number": (token(exp="tomorrow"), "40011", "invalid token"),
    "an end that is infinite": (token(exp=float("inf")), "40011", "invalid token"),
    "an end that is a list": (token(exp=[]), "40011", "invalid token"),
    "no end": (token(exp=...), "40012", "invalid claims"),
    "another audience": (token(aud="another"), "40012", "invalid claims"),
    "no audience": (token(aud=...), "40012", "invalid claims"),
    "another issuer": (token(iss="another"), "40012", "invalid claims"),
    "no issuer": (token(iss=...), "40012", "invalid claims"),
    "no user": (token(sub=...), "40014", "unauthorized"),
    "a user that is no number": (token(sub="seven"), "40014", "unauthorized"),
    "user 0": (token(sub=0), "40014", "unauthorized"),
    "a user below 0": (token(sub=-7), "40014", "unauthorized"),
    "half a user": (token(sub=7.5), "40014", "unauthorized"),
    "a user of more digits than there are": (token(sub="9" * 19), "40014", "unauthorized"),
    "a list of users": (token(sub=["7"]), "40014", "unauthorized"),
    "a user in other digits": (token(sub="７"), "40014", "unauthorized"),
    "a user and a blank": (token(sub="7 "), "40014", "unauthorized"),
    "deep nesting": (f"{'[' * 50_000}", "40011", "invalid token"),
    "other characters": ("Bearer 密.密.密", "40011", "invalid token"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_any_other_token_is_answered_as_the_go_gateway_did(name: str) -> None:
    """With its status, code and words, whatever the body is; nothing is saved."""
    header, code, words = BAD_TOKENS[name]
    for body in (BODY, "no JSON"):
        assert by_header("PUT", CHANNEL, header, body).refusal == (401, code, words)
    assert by_header("GET", f"{OPERATE}/records", header).http in (401, 403)
    assert not call("GET", OF_7, by=BACKEND).data["configured"]


def test_a_number_as_user_is_as_good_as_its_text() -> None:
    """Backends write either."""
    assert by_header("PUT", CHANNEL, token(sub=7), BODY).data["configured"]
    assert call("GET", OF_7, by=BACKEND).data["configured"]


def test_the_claim_of_the_user_is_a_setting(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Of the authorizer and of the API alike."""
    monkeypatch.setenv("USER_CLAIM", "user_id")
    stage.forget()
    wiring.own_tokens.cache_clear()
    assert by_header("PUT", CHANNEL, token(sub="the gateway", user_id=7), BODY).data["configured"]
    assert by_header("GET", CHANNEL, token(sub="7")).refusal == UNAUTHORIZED
    assert call("GET", OF_7, by=BACKEND).data["configured"]


def test_a_token_cannot_name_its_own_refusal_or_another_identity() -> None:
    """Only the claims that the API reads are handed on."""
    given = token(sub="7", refused="40009", iam={"userArn": "x"}, jwt={"claims": {"sub": "8"}})
    assert by_header("GET", CHANNEL, given).data["configured"] is False
    told = authorizer.handler(event_of("GET", CHANNEL, headers={"authorization": given}), _context())
    assert told["context"] == {"sub": "7"}


def test_a_short_key_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds a weak one out can sign for everybody."""
    secret = boto3.client("secretsmanager").create_secret(Name=f"short-{uuid4()}", SecretString="short-key")
    monkeypatch.setenv("TOKEN_SECRET_ARN", secret["ARN"])
    with pytest.raises(Exception, match="TOKEN_SECRET_ARN") as raised:
        by_header("GET", CHANNEL, token(key=b"short-key"))
    assert "short-key" not in str(raised.value)


def test_a_request_past_no_door_reaches_nothing() -> None:
    """As if a route had been made without an authorizer."""
    doors: tuple[Any, ...] = (
        None,
        {},
        {"jwt": {}},
        {"jwt": {"claims": {}}},
        {"lambda": None},
        {"iam": None},
        {"iam": {}},
    )
    for by in doors:
        for method, rest in CHANNEL_CALLS:
            assert call(method, f"{CHANNEL}{rest}", body_of(method), by=by).refusal == UNAUTHORIZED
            assert call(method, f"{OF_7}{rest}", body_of(method), by=by).refusal == UNAUTHORIZED
        for method, rest in OPERATORS_CALLS:
            assert call(method, f"{OPERATE}{rest}", {}, by=by).http in (401, 403)


def test_a_user_reaches_no_other_user_s_channel() -> None:
    """Whatever path, query, body, header or further claim says."""
    call("PUT", OF_8, BODY, by=BACKEND)
    before = call("GET", OF_8, by=BACKEND).data
    headers = {"x-user-id": "8", "user_id": "8", "X-Forwarded-User": "8", "x-amzn-oidc-identity": "8"}
    body = {**BODY, "user_id": 8, "sub": "8", "enabled": False}
    for by in (jwt(7, user_id="8", username="8"), own(sub="7", user_id="8")):
        for method, rest in CHANNEL_CALLS:
            call(method, f"{CHANNEL}{rest}", body, by=by, query="user_id=8", headers=headers)
        for method, rest in CHANNEL_CALLS:
            assert call(method, f"{OF_8}{rest}", body, by=by).refusal == UNAUTHORIZED
            assert call(method, f"{OF_7}{rest}", body, by=by).refusal == UNAUTHORIZED
        for path in (f"{ROOT}/channels/../users/8/channels/feishu", f"{CHANNEL}/8", f"{CHANNEL}/../../users/8"):
            assert call("GET", path, by=by).refusal == (404, "404", "not found")
    assert call("GET", OF_8, by=BACKEND).data == before


def test_a_backend_has_no_user_s_or_operator_s_door() -> None:
    """Its identity names nobody."""
    for method, rest in CHANNEL_CALLS:
        assert call(method, f"{CHANNEL}{rest}", body_of(method), by=BACKEND).refusal == UNAUTHORIZED
    for method, rest in OPERATORS_CALLS:
        assert call(method, f"{OPERATE}{rest}", {}, by=BACKEND).refusal == UNAUTHORIZED


@pytest.mark.parametrize(
    "named", ["0", "-7", "07", "seven", "7.0", "7e0", "+7", " 7", "９", "9" * 19, "9" * 30, "null"]
)
def test_a_backend_has_to_name_a_user(named: str) -> None:
    """By a number as MySQL has it."""
    for method, rest in CHANNEL_CALLS:
        path = f"{ROOT}/users/{named}/channels/feishu{rest}"
        assert call(method, path, body_of(method), by=BACKEND).http in (400, 404)
    refused = call("GET", f"{ROOT}/users/{named.strip()}/channels/feishu", by=BACKEND)
    assert refused.http == 200 if named == " 7" else refused.http in (400, 404)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"scope": ""},
        {"scope": "notifications"},
        {"scope": f"{SCOPE}s"},
        {"scope": f"x{SCOPE}"},
        {"scope": SCOPE.upper()},
        {"scope": "notifications: operate"},
        {"scopes": SCOPE},
        {"groups": SCOPE},
        {"permissions": SCOPE},
    ],
)
def test_without_the_scope_nobody_operates(claims: Any) -> None:
    """403, before parameters and bodies are judged: what is wrong with them is an operator's to know."""
    forbidden = (403, "403", f"this needs the scope {SCOPE}")
    for by in (jwt(7, **claims), own(sub="7", **claims)):
        for method, rest in OPERATORS_CALLS:
            for query, body in (("", {}), ("size=many&next=x&user_id=x&created_from=x", "no JSON")):
                answer = call(method, f"{OPERATE}{rest}", body if method == "POST" else None, by=by, query=query)
                assert answer.refusal == forbidden
        assert call("GET", f"{OPERATE}/records/abc", by=by).refusal == forbidden
        assert call("GET", f"{OPERATE}/no-such-route", by=by).refusal == forbidden


@pytest.mark.parametrize(
    "claims", [{"scope": SCOPE}, {"scope": f"openid {SCOPE} x"}, {"scp": SCOPE}, {"scope": f"[openid {SCOPE}]"}]
)
def test_with_the_scope_an_operator_is_let_in(claims: Any) -> None:
    """API Gateway writes a list as `[a b]`; some issuers call it `scp`."""
    for by in (jwt("night-shift", **claims), own(sub="night-shift", **claims)):
        assert call("GET", f"{OPERATE}/records", by=by).data == {"items": [], "next": None}


def test_an_operator_is_told_which_parameter_is_wrong() -> None:
    """By its name and rule, never by its value."""
    for query in ("size=sesame", "user_id=sesame", "created_from=sesame", "status=sesame", "next=sesame"):
        http, code, info = call("GET", f"{OPERATE}/records", by=operator(), query=query).refusal
        assert (http, code) == (400, "40005")
        assert query.partition("=")[0] in info
        assert "sesame" not in info
    for body in ({"filter": {"sesame": 1}}, {"ids": ["sesame"]}, {"ids": [], "per_second": "sesame"}, {}, "sesame"):
        http, code, info = call("POST", f"{OPERATE}/redrive", body, by=operator()).refusal
        assert (http, code) == (400, "40005")


def test_another_path_or_method_is_not_found() -> None:
    """In Go's shape; API Gateway has its own answer for what it has no route for."""
    missing = (404, "404", "not found")
    for by, path in ((jwt(7), f"{ROOT}/channels/telegram"), (BACKEND, f"{ROOT}/users/7/channels/telegram")):
        assert call("GET", path, by=by).refusal == missing
        assert call("PUT", path, BODY, by=by).refusal == missing
        assert call("POST", f"{path}/test", by=by).refusal == missing
    assert call("PATCH", CHANNEL, BODY, by=jwt(7)).refusal == missing
    assert call("GET", "/", by=jwt(7)).refusal == missing
    assert call("GET", f"{OPERATE}/records/1", by=operator()).http == 404


def test_openapi_needs_no_token() -> None:
    """It describes every route."""
    answer = call("GET", "/openapi.json")
    assert answer.http == 200
    assert {CHANNEL.replace("feishu", "{way}"), f"{OPERATE}/records"} <= set(answer.body["paths"])
