"""The simulator as a server: many callers, broken ones, and its end."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from local.feishu import FeishuSimulator
from tests.unit.feishu_simulator.messages import post


def port_of(simulator: FeishuSimulator) -> int:
    return int(simulator.url.rpartition(":")[2])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_no_http_gets_an_answer_and_the_connection_ends(
    feishu: FeishuSimulator, sent: bytes, status: int
) -> None:
    """The server stays up, whatever bytes come."""
    port = port_of(feishu)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as answer:
        connection.sendall(sent)
        assert answer.readline().startswith(f"HTTP/1.1 {status} ".encode())


def test_a_hundred_calls_at_once_wait_together(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """With half a second of latency each, one after another would take 50 seconds."""
    feishu.set_fault("slow", delay=0.5)
    with ThreadPoolExecutor(100) as threads:
        began = time.monotonic()
        answers = list(threads.map(lambda number: post(http, feishu, notification_id=number), range(1, 101)))
        took = time.monotonic() - began
    assert {answer.status for answer in answers} == {200}
    assert took < 10


def test_the_port_is_free_again_after_the_block(http: urllib3.PoolManager) -> None:
    """Even when callers still hold connections, and a slow one waits for its answer."""
    with FeishuSimulator() as first:
        first.set_fault("slow", delay=60, user_id=8)
        post(http, first)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            post(http, first, user_id=8, patience=0.1)
    with FeishuSimulator(port=port_of(first)) as second:
        assert post(http, second).status == 200


def test_a_port_that_is_taken_is_an_error(feishu: FeishuSimulator) -> None:
    """And leaves no thread behind."""
    with pytest.raises(OSError, match="address already in use"), FeishuSimulator(port=port_of(feishu)):
        pass
