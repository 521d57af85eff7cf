"""Masks secrets and private words in an answer, whether they stand there in clear, escaped or in base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

_SHORTEST = 8  # bytes; what is shorter could be any part of an answer
_MASK = b"****"
#: As much as the shortest text has for itself in base64. Most answers have no such word, so nothing is looked for.
_LIKE_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{10}")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
#: What each escape has: looking for these is much faster than looking for escapes.
_MARK_OF_ESCAPE = re.compile(rb"[\\%&\x00]")
# Escapes of JSON, URLs, HTML and Python, also several times over. The bounds keep a hostile answer from costing time.
_ESCAPE = re.compile(
    rb"\\{1,8}u(?P<json>[dD][89abAB][0-9a-fA-F]{2}\\{1,8}u[dD][c-fC-F][0-9a-fA-F]{2}|[0-9a-fA-F]{4})"
    rb"|\\{1,8}x(?P<python>[0-9a-fA-F]{2})"
    rb"|%(?:25){0,4}(?P<url>[0-9a-fA-F]{2})"
    rb"|&(?:amp;){0,4}\#[xX]0{0,6}(?P<html>[0-9a-fA-F]{2});"
    rb"|&(?:amp;){0,4}\#0{0,6}(?P<decimal>[0-9]{2,3});"
    rb"|&(?:amp;){0,4}(?P<named>amp|lt|gt|quot|apos);"
    rb"|(?P<nothing>\\{1,8}|\x00+)",  # UTF-16 writes each letter with a zero
)


def masked(body: bytes, hidden: Iterable[str]) -> bytes:
    """The body with each of these masked, however it is written there."""
    plain, starts = _unescaped(body)
    texts = (text.encode("utf-8", "replace") for text in hidden)
    forms_of = _forms if _LIKE_BASE64.search(plain) else _in_clear
    forms = {form for text in texts if len(text) >= _SHORTEST for form in forms_of(text)}
    for start, end in sorted(_places(plain, forms), reverse=True):
        body = body[: starts[start]] + _MASK + body[starts[end] :]
    return body


def _places(plain: bytes, forms: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """The start and end of each place that holds one of them; places do not overlap."""
    covered = bytearray(len(plain))
    for form in forms:
        at = plain.find(form)
        while at >= 0:
            covered[at : at + len(form)] = b"\x01" * len(form)
            at = plain.find(form, at + 1)
    return (place.span() for place in re.finditer(rb"\x01+", covered))


def _in_clear(text: bytes) -> Collection[bytes]:
    return {_unescaped(text)[0], text.replace(b"\\", b"")}


def _forms(text: bytes) -> Iterator[bytes]:
    """The text in clear, and as it looks inside a longer text in base64, where it may begin at one of three offsets."""
    yield from _in_clear(text)
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + text).rstrip(b"=")
        shared_with_the_next = -1 if (before + len(text)) % 3 else None
        inner = encoded[(0, 2, 3)[before] : shared_with_the_next]
        yield inner
        yield inner.translate(_URL_SAFE)


def _unescaped(body: bytes) -> tuple[bytes, Sequence[int]]:
    """The text without its escapes, and for each byte of it, and for its end, where that stands in the body."""
    if not _MARK_OF_ESCAPE.search(body):
        return body, range(len(body) + 1)
    plain, starts, at = bytearray(), list[int](), 0
    for escape in _ESCAPE.finditer(body):
        plain += body[at : escape.start()]
        starts.extend(range(at, escape.start()))
        meant = _meaning(escape).strip(b"\\\x00")
        plain += meant
        starts.extend([escape.start()] * len(meant))
        at = escape.end()
    plain += body[at:]
    starts.extend(range(at, len(body) + 1))
    return bytes(plain), starts


def _meaning(escape: re.Match[bytes]) -> bytes:
    written: bytes = escape[escape.lastgroup or 0]
    match escape.lastgroup:
        case "json":
            units = re.sub(rb"\\+u", b"", written)
            return bytes.fromhex(units.decode()).decode("utf-16-be", "replace").encode()
        case "nothing":
            return b""
        case "named":
            return _NAMED[written]
        case "decimal":
            return bytes([int(written) % 256])
        case _:
            return bytes([int(written, 16)])
