"""What an answer of Feishu means: every row of the tables, and any bytes at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.outcome import Delivered, ErrorCode, Exchange, Outcome, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.classify import classify

RATE_CODES = [11232, 99991400, 230020, 800005652]
SERVER_CODES = [1663, 2200, 300000, 230049]
AUTH_CODES = [19001, 19021, 19022, 800005649, 800005650]
CHANNEL_CODES = [19007, 800004509, 230002, 230006, 230013, 230027, 230029, 230034, 230038, 230053, 232009]
MESSAGE_CODES = [9499, 10002, 11246, 19002, 19024, 230001, 230022, 230025, 230028, 230099]
MESSAGE_CODES += [800005646, 800005647, 800006003]
KNOWN = {0, *RATE_CODES, *SERVER_CODES, *AUTH_CODES, *CHANNEL_CODES, *MESSAGE_CODES}
MEANINGS = {
    **dict.fromkeys(RATE_CODES, (TemporaryFailure, "provider_rate_limited")),
    **dict.fromkeys(SERVER_CODES, (TemporaryFailure, "provider_5xx")),
    **dict.fromkeys(AUTH_CODES, (PermanentFailure, "provider_auth_failed")),
    **dict.fromkeys(CHANNEL_CODES, (PermanentFailure, "provider_refused_channel")),
    **dict.fromkeys(MESSAGE_CODES, (PermanentFailure, "payload_invalid")),
}
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
@pytest.mark.parametrize("code", MEANINGS)
def test_a_known_code_means_the_same_under_any_status(name: str, shape: type, status: int, code: int) -> None:
    """Most business errors come with HTTP 200, and most codes as numbers."""
    assert failure(outcome(status, {name: shape(code)})) == MEANINGS[code]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("words", ["too many request", "Too Many Request", "TOO MANY REQUESTS, slow down"])
def test_9499_with_too_many_request_is_a_rate_limit(status: int, words: str) -> None:
    """The bot answers so with HTTP 400; nothing is wrong with the message."""
    answered = outcome(status, {"code": 9499, "msg": words, "data": {}}, retry_after="3")
    assert failure(answered) == (TemporaryFailure, "provider_rate_limited")
    assert isinstance(answered, TemporaryFailure)
    assert answered.retry_after == timedelta(seconds=3)


@pytest.mark.parametrize("words", ["Bad Request", "", None, 5, ["too many request"]])
def test_9499_with_other_words_refuses_the_message(words: object) -> None:
    """The generic bad request."""
    assert failure(outcome(400, {"code": 9499, "msg": words})) == (PermanentFailure, "payload_invalid")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"code": 0}', b'{"code": 5}', b"<html>", b"\xff"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, (TemporaryFailure, "provider_rate_limited")),
        (408, (TemporaryFailure, "provider_timeout")),
        (425, (TemporaryFailure, "provider_timeout")),
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
    "code", [1, -1, 19003, 10**18, "1", "-1", "", "ok", "0000000000001", "1" * 5_000, 0.5, None, True, [], {}]
)
def test_any_other_code_is_tried_again(code: object) -> None:
    """Numbers that the tables do not have, and what is not a number: nothing was shown to the user."""
    assert failure(outcome(200, {"code": code})) == (TemporaryFailure, "provider_refused")


@given(st.integers(-(10**12), 10**12).filter(lambda code: code not in KNOWN))
def test_no_code_outside_the_tables_is_final(code: int) -> None:
    """Whatever Feishu thinks of next, a record is not dead after one call of it."""
    assert failure(outcome(200, {"code": code, "msg": "new"})) == (TemporaryFailure, "provider_refused")


def test_the_switched_off_flow_says_so() -> None:
    """Its words lead the user to what is to be mended."""
    answered = outcome(200, {"code": 800004509, "msg": "webhook trigger workflow is disabled"})
    assert isinstance(answered, PermanentFailure)
    assert answered.reason == "Feishu answered HTTP 200, code 800004509: webhook trigger workflow is disabled"


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe", b"{", b"ok", b"[" * 100_000, b"9" * 5_000])
def test_a_success_that_is_not_json_is_a_broken_answer(body: bytes) -> None:
    """A proxy answered, not Feishu: it is worth another try."""
    assert failure(outcome(200, body=body)) == (TemporaryFailure, "network_error")


@pytest.mark.parametrize("status", [100, 101, 199])
def test_a_status_below_200_is_a_broken_answer(status: int) -> None:
    """It is none that a call ends with."""
    assert failure(outcome(status, {"code": 0})) == (TemporaryFailure, "network_error")


@pytest.mark.parametrize("status", [200, 401, 500])
def test_an_answer_that_broke_off_is_what_ended_it(status: int) -> None:
    """Whatever its first bytes say: the rest might have said another thing."""
    late = TemporaryFailure(code=ErrorCode.TIMEOUT, reason="no answer in time")
    answer = Answer(status=status, headers={}, body=b'{"code": 0}', broken_off=late)
    kept = Exchange(http_status=status)
    assert classify(answer, message_id="m", exchange=kept) == replace(late, exchange=kept)


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
    assert isinstance(answered, TemporaryFailure)
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
