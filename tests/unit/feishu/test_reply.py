"""One reply, however its bytes come, and what becomes of its connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.feishu.reply import BrokenReply, Reply

HEAD = b"HTTP/1.1 200 OK\r\nX-Tt-Logid: 0123\r\nContent-Length: 11\r\n\r\n"
WHOLE = HEAD + b'{"code": 0}'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"cod\r\n6\r\ne": 0}\r\n0\r\n\r\n'
TO_THE_END = b'HTTP/1.1 200 OK\r\n\r\n{"code": 0}'


def reply_of(pieces: Sequence[bytes]) -> Reply:
    """After the pieces the connection is at its end."""
    coming: Iterator[bytes] = iter(pieces)
    return Reply(lambda: next(coming, b""))


def body_of(reply: Reply) -> bytes:
    return b"".join(iter(reply.read1, b""))


def read_once(answer: bytes) -> Iterator[bytes]:
    yield answer
    raise AssertionError("nothing more is needed")


def reusable(reply: Reply) -> list[bool]:
    """What it says of its connection each time."""
    told: list[bool] = []
    reply.on_close = told.append
    reply.close()
    reply.close()
    return told


@given(
    st.sampled_from([WHOLE, CHUNKED, TO_THE_END, b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE]),
    st.lists(st.integers(1, len(CHUNKED)), max_size=6, unique=True),
)
def test_a_reply_is_the_same_wherever_its_bytes_are_cut(answer: bytes, cuts: list[int]) -> None:
    """TCP cuts them anywhere."""
    edges = [0, *sorted(cuts), len(answer)]
    pieces = [answer[start:end] for start, end in pairwise(edges)]
    reply = reply_of([piece for piece in pieces if piece])
    assert (reply.status, body_of(reply)) == (200, b'{"code": 0}')


def test_names_of_headers_are_in_lower_case_and_values_without_the_blanks_around_them() -> None:
    reply = reply_of([WHOLE.replace(b": 0123", b":  0123  ")])
    assert reply.headers == {"x-tt-logid": "0123", "content-length": "11"}


def test_headers_of_what_came_before_are_not_the_reply_s() -> None:
    reply = reply_of([b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + WHOLE])
    assert "link" not in reply.headers


@pytest.mark.parametrize("came", [WHOLE[:-1], CHUNKED[:-5]])
def test_a_body_that_does_not_end_as_its_head_said_is_broken(came: bytes) -> None:
    """However whole it looks."""
    with pytest.raises(BrokenReply):
        body_of(reply_of([came]))


@pytest.mark.parametrize(
    ("answer", "may_be_used"),
    [
        pytest.param(WHOLE, True, id="whole"),
        pytest.param(CHUNKED, True, id="chunked"),
        pytest.param(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), False, id="to be closed"),
        pytest.param(WHOLE.replace(b"1.1", b"1.0"), False, id="HTTP/1.0"),
        pytest.param(TO_THE_END, False, id="ended by the connection"),
        pytest.param(WHOLE + b"more", False, id="more than the reply"),
        pytest.param(WHOLE + WHOLE, False, id="two replies"),
    ],
)
def test_a_connection_may_be_used_again_after_a_whole_reply_alone(answer: bytes, may_be_used: bool) -> None:  # noqa: FBT001 - a parameter
    """It is told once: what is told twice would be used twice at a time."""
    reply = reply_of([answer])
    assert body_of(reply) == b'{"code": 0}'
    assert reusable(reply) == [may_be_used]


@pytest.mark.parametrize("came", [HEAD, HEAD + b'{"code"', CHUNKED[:-3]])
def test_a_connection_with_a_part_of_a_reply_is_not_used_again(came: bytes) -> None:
    """The rest would come in front of the next one."""
    assert reusable(reply_of([came])) == [False]


def test_what_came_before_the_reply_broke_off_can_be_read() -> None:
    """Then the error, each time it is asked again, and without waiting for more."""
    coming = read_once(CHUNKED.replace(b"6\r\n", b"zz\r\n"))
    reply = Reply(lambda: next(coming))
    assert reply.read1() == b'{"cod'
    for _ in range(2):
        with pytest.raises(BrokenReply):
            reply.read1()


def test_a_head_may_have_64_kibibytes() -> None:
    """More than any server sends; what is longer never ends."""
    long = b"HTTP/1.1 200 OK\r\n" + (b"X-Long: " + b"x" * 1_000 + b"\r\n") * 60
    assert reply_of([long, b"Content-Length: 0\r\n\r\n"]).status == 200
    with pytest.raises(BrokenReply, match="does not end"):
        reply_of([long, b"X-Long: " + b"x" * 8_000 + b"\r\n"])
