"""What nobody may read is masked in an answer, whatever escapes it is written with."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.feishu.answer import Answer
from delivery.feishu.masking import masked
from tests.unit.samples import TOKEN

SECRET = 'se/cret+with "marks" & <more>='
WORDS = "周三的会议可以改到周四🙂。"
WAYS_OF_WRITING: dict[str, Callable[[str], str]] = {
    "clear": str,
    "JSON": json.dumps,
    "JSON with letters as they are": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON with \\/": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "JSON, each letter escaped": lambda text: "".join(f"\\u{unit.hex()}" for unit in utf16(text)),
    "a URL": lambda text: quote(text, safe=""),
    "a URL in a URL": lambda text: quote(quote(text), safe=""),
    "a URL, each letter escaped": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "HTML": html.escape,
    "HTML in HTML": lambda text: html.escape(html.escape(text)),
    "Python's bytes": lambda text: repr(text.encode())[2:-1],
}


def utf16(text: str) -> list[bytes]:
    encoded = text.encode("utf-16-be")
    return [encoded[at : at + 2] for at in range(0, len(encoded), 2)]


def without_marks(text: bytes) -> bytes:
    """Without the quotes that JSON puts around a text."""
    return re.sub(rb'[\\"\x00]', b"", text)


@pytest.mark.parametrize("secret", [SECRET, TOKEN, "abc%41def", "back\\slash\\s", WORDS])
@pytest.mark.parametrize("way", WAYS_OF_WRITING)
def test_every_way_of_writing_it_is_masked(way: str, secret: str) -> None:
    """All of it, and nothing beside it."""
    body = f"before {WAYS_OF_WRITING[way](secret)} after".encode()
    assert without_marks(masked(body, ["another-one", secret])) == b"before **** after"


@pytest.mark.parametrize("coding", ["utf-16-be", "utf-16-le"])
def test_it_is_masked_in_utf_16(coding: str) -> None:
    """Python reads JSON in it, too."""
    assert without_marks(masked(f"before {TOKEN} after".encode(coding), [TOKEN])) == b"before **** after"


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("secret", [SECRET, TOKEN, WORDS, "123456789"])
def test_it_is_masked_inside_base64(alphabet: Callable[[bytes], bytes], before: int, secret: str) -> None:
    """Wherever it begins there; of its first and last letter some bits may be left."""
    body = alphabet(b"!" * before + secret.encode() + b"?")
    shown = masked(body, [secret])
    assert b"****" in shown
    assert len(shown) <= len(b"!!!!****????....")


@pytest.mark.parametrize("before", range(3))
def test_the_shortest_that_is_masked_is_masked_in_base64_too(before: int) -> None:
    """Also if nothing else stands there."""
    assert b"****" in masked(base64.b64encode(b"!" * before + b"12345678"), ["12345678"])


def test_each_of_several_is_masked_also_where_they_touch() -> None:
    """A header line may hold both."""
    assert masked(b"<one-secret-two-secret> one-secret", ["one-secret", "two-secret", "-secret-two"]) == b"<****> ****"


def test_what_is_short_is_left() -> None:
    """It could be any part of an answer."""
    assert masked(b'{"code": 1}', ["code", ""]) == b'{"code": 1}'


@given(st.binary(max_size=200), st.lists(st.text(max_size=20), max_size=3))
def test_any_bytes_can_be_masked(body: bytes, hidden: list[str]) -> None:
    """And nothing hidden is left in clear."""
    shown = masked(body, hidden)
    assert [text for text in hidden if len(text.encode("utf-8", "replace")) >= 8 and text.encode() in shown] == []


@pytest.mark.parametrize("piece", [b"\\", b"%25", b"&amp;", b"&#0", b"\\u", b"\x00", b"t0ken-that-"])
def test_a_hostile_answer_costs_little_time(piece: bytes) -> None:
    """Escapes of escapes are followed a few levels down only: without that end this took minutes."""
    began = time.process_time()
    masked(piece * (65_536 // len(piece)), [TOKEN, SECRET])
    assert time.process_time() - began < 5


def test_what_is_hidden_does_not_change_what_an_answer_means() -> None:
    """A message may say what an answer says. Only what is stored and logged is masked, and before it is cut."""
    answer = Answer(status=200, headers={}, body=b'{"code": 7, "msg": "too many"}', hidden=('{"code": 7', "too many"))
    assert (answer.code, answer.words) == (7, "too many")
    assert answer.reason == "Feishu answered HTTP 200, code 7: ****"
    assert answer.as_stored()["body"] == '****, "msg": "****"}'


@pytest.mark.parametrize("before", range(170, 205, 5))
def test_a_credential_that_the_cut_goes_through_is_not_shown_in_part(before: int) -> None:
    """Half a token is too much of it."""
    body = json.dumps({"code": 7, "msg": "x" * before + TOKEN}).encode()
    assert TOKEN[:4] not in Answer(status=200, headers={}, body=body, hidden=(TOKEN,)).reason
