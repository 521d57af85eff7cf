"""Reads a Kafka value as a JSON object, or says in plain words what it is instead."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00{", b'\x00"', b"\x00[", b"{\x00", b'"\x00', b"[\x00")
# Kafka's clients undo Kafka's own compression, so a value like these was compressed once more by its producer.
_MAGIC = {
    b"\xef\xbb\xbf": "it begins with a byte order mark",
    b"\x1f\x8b": "it is compressed with gzip",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd",
    b"\x04\x22\x4d\x18": "it is compressed with lz4",
    b"\xff\x06\x00\x00sNaPpY": "it is compressed with snappy",
    b"\x82SNAPPY\x00": "it is compressed with snappy",
    b"eyJ": "it looks like base64",
    b"Obj\x01": "it is an Avro file",
    b"<": "it looks like XML or HTML",
    b"{'": "its strings are in single quotes, as in Python's repr",
}
_BEGINS_JSON = b'{["-0123456789tfn'
_SCHEMA_HEADER = 5  # a zero byte and four bytes of schema id (Confluent's documentation, "Wire format")
_KINDS = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}


def object_in(value: bytes | None) -> dict[str, Any] | str:
    """The JSON object in this value, or why there is none. The reason quotes nothing from the value."""
    if not (value and value.strip()):
        return "the value is missing" if value is None else "the value is empty"
    try:
        document: Any = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        return f"the value is not JSON: {_looks(value) or error}"
    if isinstance(document, dict):
        return document
    if isinstance(document, str) and document.lstrip()[:1] in ("{", "["):
        return "the value is JSON inside a JSON string: it was encoded twice"
    return f"the value is not a JSON object but {_KINDS.get(type(document), 'a number')}"


def _looks(value: bytes) -> str:
    """What such bytes usually are; empty if they are just not JSON."""
    if value.startswith(_UTF16):
        return "it is UTF-16, and should be UTF-8"
    for magic, words in _MAGIC.items():
        if value.startswith(magic):
            return words
    if value[0] == 0 and len(value) > _SCHEMA_HEADER:
        return "it begins with a schema registry header"
    if not _is_utf8(value):
        return "it is not UTF-8"
    if _is_json_but_for_nan(value):
        return "it has NaN or Infinity, which JSON does not know"
    return "" if value.lstrip()[0] in _BEGINS_JSON else "it is plain text"


def _is_json_but_for_nan(value: bytes) -> bool:
    """Python's json.dumps writes such values."""
    try:
        from_json(value, allow_inf_nan=True)
    except ValueError:
        return False
    return True


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
