"""The simulator as a server: many clients, broken ones, and its end."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from local.feishu import FeishuSimulator
from local.feishu.ways.flow_webhook import PATH
from tests.unit.feishu_simulator.messages import body, post


def port_of(simulator: FeishuSimulator) -> int:
    return int(simulator.url.rpartition(":")[2])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * (17 * 1024 * 1024), 413),
    ],
)
def test_bytes_that_are_not_http_are_answered_and_end_the_connection(
    feishu: FeishuSimulator, sent: bytes, status: int
) -> None:
    """The server stays up and says what is wrong."""
    port = port_of(feishu)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as answer:
        connection.sendall(sent)
        assert answer.readline().startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Connection: close\r\n" in answer.read()


def test_requests_on_one_connection_are_answered_one_by_one(feishu: FeishuSimulator) -> None:
    """Two sent at once, and one whose body comes in chunks."""
    message = body()
    whole = b"POST %s HTTP/1.1\r\nContent-Type: application/json\r\n" % f"{PATH}key-1".encode()
    sized = whole + b"Content-Length: %d\r\n\r\n%s" % (len(message), message)
    chunked = whole + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(message), message)
    with socket.create_connection(("127.0.0.1", port_of(feishu)), timeout=10) as connection:
        connection.sendall(sized + sized)
        connection.sendall(chunked[:50])
        connection.sendall(chunked[50:])
        connection.shutdown(socket.SHUT_WR)
        answered = connection.makefile("rb").read()
    assert answered.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert [call.accepted for call in feishu.calls()] == [True, True, True]


def test_a_hundred_slow_calls_are_served_at_the_same_time(feishu: FeishuSimulator, http: urllib3.PoolManager) -> None:
    """Half a second each would be 50 seconds one after another."""
    feishu.set_fault("slow", delay=0.5)
    with ThreadPoolExecutor(100) as threads:
        began = time.monotonic()
        answers = list(threads.map(lambda number: post(http, feishu, notification_id=number), range(1, 101)))
        took = time.monotonic() - began
    assert {answer.status for answer in answers} == {200}
    assert took < 10


def test_the_port_is_free_again_after_the_block(http: urllib3.PoolManager) -> None:
    """Even while a client holds a connection and another waits for a slow answer."""
    with FeishuSimulator() as first:
        first.set_fault("slow", delay=60, user_id=8)
        post(http, first)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            post(http, first, user_id=8, timeout=0.1)
    with FeishuSimulator(port=port_of(first)) as second:
        assert post(http, second).status == 200


def test_a_port_that_is_taken_is_an_error_and_leaves_no_thread_behind(feishu: FeishuSimulator) -> None:
    """The simulator that holds the port goes on."""
    before = threading.active_count()
    with pytest.raises(OSError, match="address already in use"), FeishuSimulator(port=port_of(feishu)):
        pass
    assert threading.active_count() == before
