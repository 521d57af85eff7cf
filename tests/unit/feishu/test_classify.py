"""What an answer of Feishu means: every row of the tables, and any bytes at all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.outcome import Delivered, Exchange, Outcome, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.classify import classify

RATE_CODES = [11232, 99991400, 230020, 800005652]
AUTH_CODES = [19001, 19021, 19022, 800005649, 800005650]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def outcome(status: int, document: Any = ..., *, body: bytes = b"", **headers: str) -> Outcome:
    content = body if document is ... else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(Answer(status=status, headers=named, body=content), message_id="m-1", exchange=Exchange())


def failure(answered: Outcome) -> tuple[type[Outcome], str]:
    assert isinstance(answered, TemporaryFailure | PermanentFailure)
    return type(answered), answered.code.value


@pytest.mark.parametrize("status", [200, 201, 204, 299])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n",
        b"{}",
        b'{"msg": "success"}',
        b'{"code": 0}',
        b'{"code": "0"}',
        b'{"StatusCode": 0}',
        b'{"StatusCode": 0, "StatusMessage": "success"}',
        b'{"code": 0, "StatusCode": 19001}',
        b"[]",
        b"null",
        b'"ok"',
    ],
)
def test_2xx_with_code_0_or_none_is_delivered(status: int, body: bytes) -> None:
    """`StatusCode` counts only where there is no `code`."""
    assert outcome(status, body=body) == Delivered(provider_message_id="m-1", exchange=Exchange())


@pytest.mark.parametrize("name", ["code", "StatusCode"])
@pytest.mark.parametrize("shape", [int, str])
@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize("code", RATE_CODES)
def test_a_rate_limit_code_is_temporary_under_any_status(name: str, shape: type, status: int, code: int) -> None:
    """Most business errors come with HTTP 200, and most codes as numbers."""
    assert failure(outcome(status, {name: shape(code)})) == (TemporaryFailure, "provider_rate_limited")


@pytest.mark.parametrize("name", ["code", "StatusCode"])
@pytest.mark.parametrize("shape", [int, str])
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("code", AUTH_CODES)
def test_an_auth_code_is_permanent_under_any_status(name: str, shape: type, status: int, code: int) -> None:
    """The same call would be refused again."""
    assert failure(outcome(status, {name: shape(code)})) == (PermanentFailure, "provider_auth_failed")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"code": 0}', b'{"code": 5}', b"<html>", b"\xff"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, (TemporaryFailure, "provider_rate_limited")),
        (500, (TemporaryFailure, "provider_5xx")),
        (503, (TemporaryFailure, "provider_5xx")),
        (599, (TemporaryFailure, "provider_5xx")),
        (401, (PermanentFailure, "provider_auth_failed")),
        (403, (PermanentFailure, "provider_auth_failed")),
        (400, (PermanentFailure, "payload_invalid")),
        (404, (PermanentFailure, "payload_invalid")),
        (413, (PermanentFailure, "payload_invalid")),
        (302, (PermanentFailure, "payload_invalid")),
    ],
)
def test_a_status_that_is_no_success_counts_whatever_the_body(
    status: int, expected: tuple[type[Outcome], str], body: bytes
) -> None:
    """A body of code 0 does not make an error a success."""
    assert failure(outcome(status, body=body)) == expected


@pytest.mark.parametrize(
    "code", [1, -1, 9499, 19024, 10**18, "9499", "-1", "", "ok", "0000000000001", "1" * 5_000, 0.5, None, True, [], {}]
)
def test_any_other_code_is_permanent(code: object) -> None:
    """Numbers that the tables do not have, and what is not a number."""
    assert failure(outcome(200, {"code": code})) == (PermanentFailure, "payload_invalid")


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe", b"{", b"ok", b"[" * 100_000, b"9" * 5_000])
def test_a_success_that_is_not_json_is_a_broken_answer(body: bytes) -> None:
    """A proxy answered, not Feishu: it is worth another try."""
    assert failure(outcome(200, body=body)) == (TemporaryFailure, "network_error")


def test_a_cut_answer_is_a_broken_answer() -> None:
    """Feishu's answers are short; one that goes on and on came from something else."""
    answer = Answer(status=200, headers={}, body=b'{"code": 0}', cut=True)
    assert failure(classify(answer, message_id="m", exchange=Exchange())) == (TemporaryFailure, "network_error")


@given(st.integers(100, 999), st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_status_and_any_bytes_have_an_outcome_that_can_be_stored(status: int, body: bytes) -> None:
    """Delivered only with 2xx; a reason is one short text that UTF-8 can write."""
    answered = outcome(status, body=body)
    if isinstance(answered, Delivered):
        assert 200 <= status < 300
    else:
        assert len(answered.reason.encode()) < 1_000


@given(st.sampled_from(["code", "StatusCode", "msg", "StatusMessage"]), JSON, st.text())
def test_any_json_in_the_fields_of_an_answer_has_an_outcome(field: str, value: object, said: str) -> None:
    """Even where Feishu never puts anything of the kind."""
    answered = outcome(200, {"code": 1, "msg": said, field: value})
    assert isinstance(answered, Delivered) or answered.reason.encode()


@pytest.mark.parametrize("depth", [*range(900, 1_000, 7), 3_000, 20_000])
def test_a_message_nested_deep_has_an_outcome(depth: int) -> None:
    """Near the interpreter's own limit as well."""
    body = b'{"code": 1, "msg": ' + b"[" * depth + b"]" * depth + b"}"
    assert isinstance(outcome(200, body=body), PermanentFailure | TemporaryFailure)


def test_half_a_surrogate_pair_in_a_message_can_be_stored() -> None:
    """JSON can write it, UTF-8 cannot: it would break the statement that closes the attempt."""
    answered = outcome(200, body=b'{"code": 1, "msg": "\\ud800 bad"}')
    assert isinstance(answered, PermanentFailure)
    assert answered.reason == "Feishu answered HTTP 200, code 1: ? bad"


def test_a_reason_says_status_code_and_what_feishu_said() -> None:
    """Cut at 200 characters of it."""
    answered = outcome(200, {"code": 9499, "msg": "字" * 500})
    assert isinstance(answered, PermanentFailure)
    assert answered.reason == f"Feishu answered HTTP 200, code 9499: {'字' * 200}"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7 "}, 7),
        ({"x-ogw-ratelimit-reset": "30"}, 30),
        ({"retry-after": "7", "x-ogw-ratelimit-reset": "30"}, 7),
        ({"retry-after": "soon", "x-ogw-ratelimit-reset": "30"}, 30),
        ({"retry-after": "999999"}, 999_999),
        ({"retry-after": "1000000"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "７"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_a_wait_is_read_from_either_header_in_whole_seconds(headers: dict[str, str], wait: int | None) -> None:
    """Anything else means no wait, and is not an error."""
    assert Answer(status=429, headers=headers, body=b"").asked_wait == (
        None if wait is None else timedelta(seconds=wait)
    )


@pytest.mark.parametrize(("status", "document"), [(429, {}), (200, {"code": 11232}), (503, {})])
def test_every_temporary_failure_carries_the_wait_that_feishu_asked_for(status: int, document: object) -> None:
    """The retry policy decides what to make of it."""
    answered = outcome(status, document, retry_after="12")
    assert isinstance(answered, TemporaryFailure)
    assert answered.retry_after == timedelta(seconds=12)
