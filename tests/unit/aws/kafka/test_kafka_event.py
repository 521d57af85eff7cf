"""The event that Lambda makes of a Kafka batch: everything in it becomes a record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.aws.kafka_event import kafka_records
from delivery.domain.intake import KafkaRecord
from tests.unit.samples import encoded, event, judge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    return {"eventSource": "aws:kafka", "bootstrapServers": "b:9092", "records": {"t-0": list(records)}}


def raw(**changes: Any) -> dict[str, Any]:
    good = {
        "topic": "t",
        "partition": 0,
        "offset": 5,
        "timestamp": 1769846400000,
        "timestampType": "CREATE_TIME",
        "key": encoded(b"7"),
        "value": encoded(event()),
        "headers": [{"trace": list(b"abc")}],
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def record(**changes: Any) -> KafkaRecord:
    [read] = kafka_records(batch(raw(**changes)))
    return read


def test_a_record_keeps_where_it_came_from_and_all_that_it_carried() -> None:
    """Topic, partition, offset, time, key, value, headers."""
    assert record() == KafkaRecord(
        topic="t",
        partition=0,
        offset=5,
        timestamp=1769846400000,
        key=b"7",
        value=event(),
        headers=(("trace", b"abc"),),
    )


@pytest.mark.parametrize("odd", [..., None, "1769846400000", 1.5, True, 2**63, [1]])
def test_a_time_that_is_no_number_of_milliseconds_is_none(odd: Any) -> None:
    """MySQL could not hold it; Kafka itself writes -1 for none."""
    assert record(timestamp=odd).timestamp is None
    assert record(timestamp=-1).timestamp == -1


def test_records_of_all_partitions_come_in_order() -> None:
    """Partition by partition; the same offset three times is three records."""
    several = {
        "records": {
            "t-0": [raw(offset=1), raw(offset=1), raw(offset=1), raw(offset=2)],
            "t-1": [raw(partition=1, offset=0)],
        }
    }
    assert [(one.partition, one.offset) for one in kafka_records(several)] == [(0, 1), (0, 1), (0, 1), (0, 2), (1, 0)]


@pytest.mark.parametrize("nothing", [{}, {"records": {}}, {"records": {"t-0": []}}])
def test_an_event_without_records_is_empty(nothing: dict[str, Any]) -> None:
    """Nothing to do is no error."""
    assert kafka_records(nothing) == []


@pytest.mark.parametrize(
    ("given_value", "read"),
    [
        (..., None),
        (None, None),
        ("", b""),
        (encoded(b""), b""),
        (encoded(b"\xff\x00"), b"\xff\x00"),
        ("no base64!", b"no base64!"),
        ("abc", b"abc"),
        ("摘要", "摘要".encode()),
        ("\ud800", b"?"),
        (5, b"5"),
    ],
)
def test_keys_and_values_of_any_kind_are_kept(given_value: Any, read: bytes | None) -> None:
    """A tombstone is no empty text; what is no base64 is kept as it stands, so that its reject shows it."""
    assert record(value=given_value).value == read
    assert record(key=given_value).key == read


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        (..., ()),
        (None, ()),
        ([], ()),
        ([{"a": []}], (("a", b""),)),
        ([{"a": [104, 105]}, {"a": [33]}], (("a", b"hi"), ("a", b"!"))),
        ([{"a": [-1, -128, 127, 255, 256]}], (("a", b"\xff\x80\x7f\xff\x00"),)),
        ([{"a": None}, {"b": "text"}, {"c": [None, "x", 1]}], (("a", b""), ("b", b""), ("c", b"\x01"))),
        ("text", ()),
        ([None, 5, ["x"]], ()),
    ],
)
def test_headers_of_any_kind_are_read(headers: Any, read: tuple[tuple[str, bytes], ...]) -> None:
    """Bytes come as numbers that may be signed, as in Java; a name may come twice."""
    assert record(headers=headers).headers == read


@given(st.fixed_dictionaries({}, optional={"key": JSON, "value": JSON, "headers": JSON, "timestamp": JSON}))
def test_whatever_a_producer_sent_becomes_a_record_with_a_verdict(parts: dict[str, Any]) -> None:
    """Never a failed batch."""
    read = record(**parts)
    assert (read.topic, read.partition, read.offset) == ("t", 0, 5)
    assert judge(read.value) is not None


@given(st.binary() | st.none(), st.binary() | st.none(), st.lists(st.tuples(st.text(), st.binary()), max_size=3))
def test_any_bytes_survive_the_way_through_the_event(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """Unsigned or signed, as Lambda writes them."""
    signed = [{name: [byte - 256 if byte > 127 else byte for byte in data]} for name, data in headers]
    read = record(
        key=None if key is None else encoded(key), value=None if value is None else encoded(value), headers=signed
    )
    assert (read.key, read.value, read.headers) == (key, value, tuple(headers))
