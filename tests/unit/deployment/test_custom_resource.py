"""CloudFormation's answers: one for each request whatever happens, short, and without anything secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from delivery.deployment import custom_resource
from delivery.deployment.failure import DeploymentError
from tests.unit.feishu.raw_server import raw_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
PATH = "/bucket/arn%3Aaws%3Acloudformation%3Aeu-west-1%3A1%3Astack/x?X-Amz-Signature=5ec2e7&X-Amz-Expires=7200"
IDS = {"StackId": "arn:aws:cloudformation:eu-west-1:1:stack/hongyan/x", "RequestId": "r-1", "LogicalResourceId": "M"}


def request(url: str, kind: str = "Create", **more: str) -> dict[str, Any]:
    return {"RequestType": kind, "ResponseURL": url, "ResourceProperties": {}, **IDS, **more}


def answered(event: dict[str, Any], work: Callable[[], object]) -> list[Exception]:
    """Answers the request; returns the errors that it handed on for the log."""
    logged: list[Exception] = []
    custom_resource.answer(event, work, on_failure=logged.append)
    return logged


def told(raw: bytes) -> tuple[str, dict[str, Any]]:
    """The head and the document of a request that came."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return head.decode(), json.loads(body)


def failing(error: BaseException) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


def test_success_is_put_to_the_url_as_it_was_signed() -> None:
    """The path as it came, an empty content type, and the five names that CloudFormation asks for."""
    with raw_server(lambda _: [OK]) as server:
        answered(request(server.origin + PATH), lambda: None)
    [raw] = server.requests
    head, body = told(raw)
    assert head.startswith(f"PUT {PATH} HTTP/1.1")
    assert "\r\ncontent-type: \r\n" in head.lower() + "\r\n"
    assert body == {"Status": "SUCCESS", "Reason": "", "PhysicalResourceId": "M", **IDS}


def test_the_physical_id_stays_what_it_was() -> None:
    """Another one would make CloudFormation delete the previous resource."""
    with raw_server(lambda _: [OK]) as server:
        answered(request(server.origin, "Update", PhysicalResourceId="before"), lambda: None)
    assert told(server.requests[0])[1]["PhysicalResourceId"] == "before"


def test_a_deletion_does_nothing_and_succeeds() -> None:
    """Tables and rows outlive the stack."""
    with raw_server(lambda _: [OK]) as server:
        answered(request(server.origin, "Delete"), failing(AssertionError("worked")))
    assert told(server.requests[0])[1]["Status"] == "SUCCESS"


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("username"), RecursionError()])
def test_whatever_is_raised_is_answered_and_not_raised_again(error: Exception) -> None:
    """An error would make Lambda try again what the deployment has given up."""
    with raw_server(lambda _: [OK]) as server:
        assert answered(request(server.origin), failing(error)) == [error]
    _, body = told(server.requests[0])
    assert body["Status"] == "FAILED"
    assert body["Reason"].startswith(type(error).__name__)


def test_an_answer_that_was_not_taken_is_given_again() -> None:
    """S3 is busy at times."""
    answers = iter([BUSY, OK])
    with raw_server(lambda _: [next(answers)]) as server:
        answered(request(server.origin), lambda: None)
    assert [told(raw)[1]["Status"] for raw in server.requests] == ["SUCCESS"] * 2


@pytest.mark.parametrize("answer", [FORBIDDEN, BUSY])
def test_an_answer_that_nobody_takes_is_an_error_without_the_signed_url(answer: bytes) -> None:
    """Lambda then calls again; whoever reads the log cannot answer in our place."""
    with raw_server(lambda _: [answer]) as server, pytest.raises(ConnectionError) as raised:
        answered(request(server.origin + PATH), lambda: None)
    assert "5ec2e7" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_the_words_of_a_server_that_refused_are_the_reason() -> None:
    """As they are: a person knows whose they are."""
    assert custom_resource.reason(DeploymentError("Kafka: no\nsuch broker")) == "Kafka: no such broker"


def test_an_error_that_nobody_foresaw_tells_its_type_only() -> None:
    """Its text may be anything, a password too."""
    assert custom_resource.reason(ValueError("hunter2")) == "ValueError; the function's log says more"
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetSecretValue")
    assert "AccessDenied" in custom_resource.reason(denied)


@given(st.text(max_size=6000))
def test_the_reason_is_one_short_line(text: str) -> None:
    """CloudFormation takes 4096 bytes for the whole answer."""
    reason = custom_resource.reason(OSError(text))
    assert len(json.dumps(reason, ensure_ascii=False).encode()) <= 3002
    assert reason.isprintable()
