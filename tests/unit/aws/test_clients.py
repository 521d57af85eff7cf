"""AWS clients: their calls end with the deadline, and their errors keep the service's own words."""

from __future__ import annotations

import socket
import threading
from time import monotonic
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from delivery.aws import clients
from delivery.aws.clients import AWS_ERRORS, BoundedClient, client, own_words
from delivery.deadline import OutOfTime, ending_in
from local.machine.ports import free_port
from tests.unit.feishu.raw_server import raw_server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "key", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def kms_at(monkeypatch: pytest.MonkeyPatch, url: str) -> BoundedClient:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    return client("kms")


def test_a_service_that_refuses_says_so_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code and message, as an operator can look them up."""
    body = b'{"__type":"AccessDeniedException","message":"User may not decrypt."}'
    answer = b"HTTP/1.1 400 Bad\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(answer + body) as server, pytest.raises(ClientError) as raised:
        kms_at(monkeypatch, server.origin).decrypt(CiphertextBlob=b"x")
    assert own_words(raised.value) == "AccessDeniedException: User may not decrypt."
    assert isinstance(raised.value, AWS_ERRORS)


def test_nobody_listening_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the kind of error, which is not the service's."""
    with pytest.raises(EndpointConnectionError) as raised:
        kms_at(monkeypatch, f"http://127.0.0.1:{free_port()}").decrypt(CiphertextBlob=b"x")
    assert own_words(raised.value).startswith("EndpointConnectionError: ")


def test_a_name_look_up_that_hangs_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore has no time-out for it."""
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: answered.wait(20) and [])
    kms = kms_at(monkeypatch, "http://kms.example")
    began = monotonic()
    try:
        with ending_in(0.3), pytest.raises(OutOfTime, match="decrypt"):
            kms.decrypt(CiphertextBlob=b"x")
    finally:
        answered.set()
    assert monotonic() - began < 15


def test_a_call_without_a_deadline_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not begun by a handler, but may hang as well."""
    monkeypatch.setattr(clients, "_CALL_SECONDS", 0.3)
    hung = threading.Event()

    class Hanging:
        def send_message(self, **_: str) -> None:
            hung.wait(20)

    try:
        with pytest.raises(OutOfTime, match="send_message"):
            BoundedClient(Hanging).send_message(MessageBody="x")
    finally:
        hung.set()


def test_a_slow_service_is_asked_twice_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """More would take the time of everything else."""
    with raw_server(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n") as server, pytest.raises(ClientError):
        kms_at(monkeypatch, server.origin).decrypt(CiphertextBlob=b"x")
    assert len(server.requests) == 2


def test_a_client_is_made_once_and_at_its_first_call() -> None:
    """Making one takes a part of the cold start, and the report queue's is hardly ever needed."""
    made = list[SimpleNamespace]()

    def make() -> SimpleNamespace:
        made.append(SimpleNamespace(receive_message=lambda **_: "answer"))
        return made[-1]

    one = BoundedClient(make)
    assert made == []
    assert [one.receive_message(), one.receive_message()] == ["answer", "answer"]
    assert len(made) == 1
