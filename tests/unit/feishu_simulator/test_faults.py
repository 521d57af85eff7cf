"""Which faults can be set, how others are refused, and which calls a fault meets."""

from typing import Any

import pytest

from local.feishu.fault_form import FaultError, as_document, parse_fault
from local.feishu.faults import Fault, FaultBook, FaultKind


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ([], "a fault should be a JSON object with at least `kind`"),
        ({}, "kind: should be one of slow, http_429,"),
        ({"kind": "slo"}, "kind: should be one of slow, http_429,"),
        ({"kind": ["slow"]}, "kind: should be one of slow, http_429,"),
        ({"kind": "cut", "user": 7}, "user: no such field; there are code, delay,"),
        ({"kind": "cut", "user_id": "7"}, "user_id: should be a whole number above 0, or null"),
        ({"kind": "cut", "user_id": True}, "user_id: should be a whole number above 0, or null"),
        ({"kind": "cut", "key": ""}, "key: should be a webhook key, or null"),
        ({"kind": "cut", "share": 1.1}, "share: should be a number from 0 to 1"),
        ({"kind": "cut", "share": float("nan")}, "share: should be a number from 0 to 1"),
        ({"kind": "cut", "first": 0}, "first: should be a whole number above 0, or null"),
        ({"kind": "slow"}, "delay: should be given in seconds, above 0, for kind slow"),
        ({"kind": "slow", "delay": "1"}, "delay: should be seconds, from 0 to 3600"),
        ({"kind": "slow", "delay": -1}, "delay: should be seconds, from 0 to 3600"),
        ({"kind": "http_429", "retry_after": 1.5}, "retry_after: should be whole seconds from 0 to 86400, or null"),
        ({"kind": "http_429", "retry_header": "X"}, "retry_header: should be Retry-After or x-ogw-ratelimit-reset"),
        ({"kind": "http_5xx", "status": 404}, "status: should be from 500 to 599 for kind http_5xx"),
        ({"kind": "http_status"}, "status: should be given, from 400 to 599, for kind http_status"),
        ({"kind": "code", "code": 1, "status": 600}, "status: should be a whole number from 200 to 599, or null"),
        ({"kind": "reset_when_idle", "idle": -1}, "idle: should be seconds, from 0 to 3600"),
        ({"kind": "false_encoding", "encoding": "lzma"}, "encoding: should be gzip, deflate, br or zstd"),
        ({"kind": "dripping_body", "interval": 0}, "interval: should be seconds, from 0.001 to 60"),
        ({"kind": "redirect", "location": "a\r\nb"}, "location: should be a URL without spaces, or null"),
        ({"kind": "code"}, "code: should be given for kind code"),
        ({"kind": "code", "code": "1"}, "code: should be a whole number"),
        ({"kind": "code", "code": 1, "msg": 2}, "msg: should be a string, or null"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_line_naming_the_field(document: Any, line: str) -> None:
    """One line: the field, and what it should be."""
    with pytest.raises(FaultError) as refused:
        parse_fault(document)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in ("slow", "code", "http_status")])
def test_a_kind_alone_is_a_fault_that_meets_every_call(kind: FaultKind) -> None:
    """All other fields have defaults, except one each for `slow`, `code` and `http_status`."""
    fault = parse_fault({"kind": kind.value})
    assert fault == Fault(kind=kind)
    assert fault.meets(user_id=1, key="k", attempt=99, idle_for=60)


def test_a_fault_is_listed_as_it_was_set() -> None:
    """What GET /_faults shows can be posted again."""
    document = {"kind": "http_429", "user_id": 7, "first": 1, "retry_after": 3}
    assert as_document(parse_fault(document)) == document


def test_a_fault_meets_only_its_user_its_key_and_the_first_calls() -> None:
    """All of its limits have to hold."""
    fault = Fault(kind=FaultKind.CUT, user_id=7, key="k", first=2)
    assert fault.meets(user_id=7, key="k", attempt=2)
    assert not fault.meets(user_id=8, key="k", attempt=2)
    assert not fault.meets(user_id=7, key="j", attempt=2)
    assert not fault.meets(user_id=7, key="k", attempt=3)


def test_a_share_of_calls_is_drawn_for_each_call() -> None:
    """With a share of 0.3 a call that draws 0.29 is met and one that draws 0.3 is not."""
    draws = iter([0.29, 0.3, 0.0])
    book = FaultBook(draw=lambda: next(draws))
    book.add(Fault(kind=FaultKind.CUT, share=0.3))
    met = [book.met_by(user_id=1, key="k", attempt=1) is not None for _ in range(3)]
    assert met == [True, False, True]


def test_the_fault_that_was_set_first_is_met() -> None:
    """Faults do not add up; after clearing there is none."""
    book = FaultBook()
    book.add(Fault(kind=FaultKind.CUT, user_id=7), Fault(kind=FaultKind.NO_JSON))
    met = [book.met_by(user_id=user_id, key="k", attempt=1) for user_id in (7, 8)]
    book.clear()
    assert [fault.kind for fault in met if fault] == [FaultKind.CUT, FaultKind.NO_JSON]
    assert book.met_by(user_id=7, key="k", attempt=1) is None
