"""What is larger than one answer comes in several: Lambda takes 6 MB, in which our JSON is a text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.integration.api.calling import OPERATE, call, operator
from tests.integration.clock import Clock
from tests.integration.notifications import add_rows, kafka
from tests.integration.sending import PointerList, ingester

pytestmark = pytest.mark.usefixtures("stage")
#: AWS Lambda developer guide, "Lambda quotas": synchronous payload
LAMBDA_BYTES = 6 * 1024 * 1024
CONTROL = b"\x00" * 3_000_000


def rejected(engine: Engine, clock: Clock, value: bytes, **rest: Any) -> int:
    ingester(engine, clock, PointerList()).run([kafka(value, **rest)])
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT MAX(id) FROM notification_rejects").scalar_one())


def asked(path: str, query: str = "") -> Any:
    answer = call("GET", f"{OPERATE}/{path}", by=operator(), query=query)
    assert answer.size < LAMBDA_BYTES
    return answer.data


def parts_of(reject_id: int) -> Iterator[Any]:
    begin: int | None = 0
    while begin is not None:
        part = asked(f"rejects/{reject_id}", f"value_from={begin}")["value"]
        yield part
        begin = part["next"]


@pytest.mark.parametrize(
    "value",
    [CONTROL, b'"\\' * 500_000, "鸿雁传书".encode() * 150_000, "𝄞".encode() * 400_001, b"\xff\xfe" * 400_000],
    ids=["control characters", "quotes", "Chinese", "four bytes each", "no text"],
)
def test_a_reject_s_value_comes_in_parts(engine: Engine, clock: Clock, value: bytes) -> None:
    """Together they are what came from Kafka. A text is cut between its characters."""
    parts = list(parts_of(rejected(engine, clock, value)))
    assert len(parts) > 1
    assert b"".join(base64.b64decode(part["base64"]) for part in parts) == value
    assert {part["size"] for part in parts} == {len(value)}
    is_text = value[:1] != b"\xff"
    assert [part["text"] is not None for part in parts] == [is_text] * len(parts)
    assert not is_text or "".join(part["text"] for part in parts) == value.decode()


def test_a_small_reject_comes_whole(engine: Engine, clock: Clock) -> None:
    """With everything that Kafka had of it; what is not there is null."""
    shown = asked(f"rejects/{rejected(engine, clock, b'no json', headers=(('trace', b'1'),))}")
    assert shown["value"] == {"text": "no json", "base64": "bm8ganNvbg==", "size": 7, "next": None}
    assert shown["key"] == {"text": None, "base64": None, "size": None}
    assert shown["headers"] == [{"name": "trace", "text": "1", "base64": "MQ==", "size": 1}]
    assert shown["headers_left_out"] == 0


def test_of_a_huge_key_and_huge_headers_the_beginning_is_shown(engine: Engine, clock: Clock) -> None:
    """And that there is more."""
    headers = (("first", b"1"), ("huge", CONTROL[:500_000]), ("last", b"2"))
    shown = asked(f"rejects/{rejected(engine, clock, CONTROL, key=CONTROL[:500_000], headers=headers)}")
    assert (len(shown["key"]["text"]), shown["key"]["size"]) == (64 * 1024, 500_000)
    assert ([it["name"] for it in shown["headers"]], shown["headers_left_out"]) == (["first"], 2)


@pytest.mark.parametrize("value_from", ["-1", "x", str(2**31)])
def test_a_place_in_a_value_is_a_number(value_from: str) -> None:
    """Refused by its name."""
    answer = call("GET", f"{OPERATE}/rejects/1", by=operator(), query=f"value_from={value_from}")
    assert answer.refusal[:2] == (400, "40005")
    assert "value_from" in answer.refusal[2]


def pages_of(path: str) -> Iterator[list[Any]]:
    query = "size=200"
    while query:
        data = asked(path, query)
        yield [row["id"] for row in data["items"]]
        query = f"size=200&next={data['next']}" if data["next"] else ""


def test_a_page_of_large_records_ends_early(engine: Engine, clock: Clock) -> None:
    """`next` goes on behind it: each record comes once, the newest first."""
    made = add_rows(engine, 120, now=clock(), summary_text="\\" * 60_000, fallback_text='"' * 60_000)
    pages = list(pages_of("records"))
    assert len(pages) > 1
    assert [one for page in pages for one in page] == sorted(made, reverse=True)


def test_a_page_of_long_lines_of_the_audit_ends_early(engine: Engine) -> None:
    """A line may name a thousand ids."""
    ids = json.dumps({"ids": [2**62 + number for number in range(1_000)]})
    line = "('2026-01-31 08:00:00', 'ann', 'redrive', %(ids)s, 1000)"
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO notification_audit (`at`, actor, action, filter, `count`) VALUES {', '.join([line] * 300)}",
            {"ids": ids},
        )
    pages = list(pages_of("audit"))
    listed = [one for page in pages for one in page]
    assert len(pages) > 1
    assert len(listed) == 300
    assert listed == sorted(set(listed), reverse=True)
