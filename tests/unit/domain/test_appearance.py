"""What is said of a value that is no JSON object: whoever reads the reject knows what the producer did."""

from __future__ import annotations

import pytest

from delivery.domain.appearance import object_in

UTF_16 = "the value is not JSON: it is UTF-16, and should be UTF-8"


@pytest.mark.parametrize("text", ['{"a": 1}', '"a"', "[1]"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised_with_and_without_its_mark(text: str, encoding: str) -> None:
    """An object, a string or an array begins it, in either order of the bytes."""
    assert object_in(text.encode(encoding)) == UTF_16
    assert object_in(b"\xfe\xff" + text.encode("utf-16-be")) == UTF_16
    assert object_in(b"\xff\xfe" + text.encode("utf-16-le")) == UTF_16


@pytest.mark.parametrize(
    ("begins", "words"),
    [
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark"),
        (b"\x1f\x8b\x08", "it is compressed with gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "it is compressed with zstd"),
        (b"\x04\x22\x4d\x18\x00", "it is compressed with lz4"),
        (b"\xff\x06\x00\x00sNaPpY", "it is compressed with snappy"),
        (b"\x82SNAPPY\x00", "it is compressed with snappy"),
        (b"eyJhIjoxfQ==", "it looks like base64"),
        (b"\x00\x00\x00\x00\x01abc", "it begins with a schema registry header"),
        (b"\x00\x00\x00\x00\x01a", "it begins with a schema registry header"),
        (b"\xe9", "it is not UTF-8"),
        (b"Obj\x01", "it is an Avro file"),
        (b"<a/>", "it looks like XML or HTML"),
        (b"{'a': 1}", "its strings are in single quotes, as in Python's repr"),
        (b'{"a": NaN}', "it has NaN or Infinity, which JSON does not know"),
        (b"hello", "it is plain text"),
        (b"Xenia", "it is plain text"),
    ],
)
def test_what_a_value_begins_with_says_what_it_is(begins: bytes, words: str) -> None:
    """In full; nothing of the value is repeated."""
    assert object_in(begins) == f"the value is not JSON: {words}"


def test_json_that_breaks_off_is_told_by_the_parser() -> None:
    """Blanks before it do not make it plain text."""
    assert "EOF while parsing" in str(object_in(b" {"))


@pytest.mark.parametrize("short", [b"\x00\x00\x00\x00\x01", b"\x00"])
def test_a_header_without_anything_behind_it_is_none(short: bytes) -> None:
    """It is just not JSON."""
    told = object_in(short)
    assert isinstance(told, str)
    assert told.startswith("the value is not JSON: ")
    assert "schema" not in told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "the value is missing"),
        (b"", "the value is empty"),
        (b" \n", "the value is empty"),
        (b"[1]", "the value is not a JSON object but an array"),
        (b'"text"', "the value is not a JSON object but a string"),
        (b"true", "the value is not a JSON object but true or false"),
        (b"null", "the value is not a JSON object but null"),
        (b"1", "the value is not a JSON object but a number"),
        (b"1.5", "the value is not a JSON object but a number"),
        (b'" {}"', "the value is JSON inside a JSON string: it was encoded twice"),
        (b'"[]"', "the value is JSON inside a JSON string: it was encoded twice"),
    ],
)
def test_json_that_is_no_object_is_named(value: bytes | None, words: str) -> None:
    """As a producer would name it."""
    assert object_in(value) == words


def test_numbers_that_json_does_not_have_are_not_json() -> None:
    """Other readers of the topic would refuse them."""
    told = object_in(b'{"a": NaN}')
    assert isinstance(told, str)
    assert told.startswith("the value is not JSON: ")


def test_an_object_is_what_it_holds() -> None:
    """Blanks around it change nothing."""
    assert object_in(b' {"a": [1]} ') == {"a": [1]}
