"""Target URLs: whatever resolves them, they stay on the site and below an allowed prefix."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.domain.contract import Accepted, Rejected
from hongyan_producer.contract.target_url import target_url_problem
from tests.unit.samples import event, judge, payload

PREFIX = "/assistant/"
PIECES = [
    *("/", "//", ".", "..", "...", "\\", "?", "#", "@", ":", ";", " ", "\t", "\n", "a", "汉", "admin", "evil.example"),
    *(
        "%2e",
        "%2E",
        "%2f",
        "%2F",
        "%5c",
        "%5C",
        "%252e",
        "%25",
        "%",
        "2e",
        "2f",
        "25",
        "%00",
        "%0a",
        "%e6%b1%89",
        "%zz",
    ),
]


def refused(url: str) -> bool:
    return target_url_problem(url, (PREFIX,)) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/assistant/",
        "//evil.example/assistant/",
        "/",
        "/assistant",
        "/Assistant/x",
        "assistant/x",
        "/other/assistant/x",
        "/assistant/?next=https://evil.example",
        "/assistant/\\evil",
        "/assistant/\u0000x",
        "/assistant/a\nb",
        "/assistant/a\tb",
        "/assistant/.\t./admin",
        "/assistant/\u202ex",
        "javascript:/assistant/",
        "/assistant/../admin",
        "/assistant/%2e%2e/admin",
        "/assistant/..%2fadmin",
        "/assistant/../..//evil.example/x",
        "/assistant/..",
        "/assistant/.",
        "/assistant/./x",
        "/assistant/..?x=1",
        "/assistant/..#x",
        "/assistant/%2E./admin",
        "/assistant/.%2E/admin",
        "/assistant/%2e",
        "/assistant/%252e%252e/admin",
        "/assistant/%%32e%%32e/admin",
        "/assistant/a%2Fb",
        "/assistant/a%5Cb",
        "/assistant/%5c..%5cadmin",
        "/assistant/a%00b",
        "/assistant/a%0D%0Ab",
        "/assistant//../../evil.example/x",
        "/assistant/x?line=a\nb",
        "/assistant/x#a\tb",
        "/assistant/x?path=a\\b",
        "/assistant/x#a\\b",
    ],
)
def test_a_target_url_never_leaves_the_site(url: str) -> None:
    """A notification must not become a way to lead users elsewhere."""
    verdict = judge(event(payload=payload(target_url=url)))
    assert isinstance(verdict, Rejected)
    assert verdict.code == "payload_invalid"
    assert verdict.reason.startswith("target_url: should ")


@pytest.mark.parametrize(
    "url",
    [
        "/assistant/",
        "/assistant/preview/pv-1",
        "/assistant/a..b/...",
        "/assistant/.well-known",
        "/assistant//twice",
        "/assistant/100%25",
        "/assistant/100%",
        "/assistant/%E6%B1%89",
        "/assistant/汉?back=%2Fassistant%2F..&dots=../..#../x",
        "/assistant/x?line=a%0Ab",
    ],
)
def test_an_ordinary_path_is_accepted(url: str) -> None:
    """Dots inside a name, and anything encoded behind ? or #, where no path is resolved."""
    assert isinstance(judge(event(payload=payload(target_url=url))), Accepted)


def test_the_allowed_prefixes_are_a_setting() -> None:
    """Another site has other paths; a leading `//` is another host under any prefix."""
    value = event(payload=payload(target_url="/plan/1"))
    assert isinstance(judge(value, url_prefixes=("/plan/", "/assistant/")), Accepted)
    for elsewhere in ("//plan/1", "/./plan", "/%2fevil.example"):
        assert isinstance(judge(event(payload=payload(target_url=elsewhere)), url_prefixes=("/",)), Rejected)
    assert target_url_problem("/x", ("/plan/", "/assistant/")) == "should begin with /plan/ or /assistant/"


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: PREFIX + "".join(pieces)))
@example("/assistant/../..//evil.example/x")
@example("/assistant/%2e%2e/admin")
def test_what_is_accepted_stays_below_its_prefix_however_it_is_resolved(url: str) -> None:
    """By a browser, and by servers that decode once or several times before they resolve."""
    if refused(url):
        return
    for times in range(4):
        assert _resolved(_decoded(url, times)).startswith(PREFIX)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_url_is_judged(url: str) -> None:
    """With the whole site allowed, none leads to another host."""
    if target_url_problem(url, ("/",)) is None:
        assert re.match(r"/(?![/\\])", _resolved(url))


def _decoded(url: str, times: int) -> str:
    path, rest = re.match(r"([^?#]*)(.*)", url, re.DOTALL).groups()  # type: ignore[union-attr]  # always matches
    for _ in range(times):
        path = unquote(path)
    return path + rest


def _resolved(url: str) -> str:
    """The path as the URL Standard's basic parser leaves it (https://url.spec.whatwg.org, "path state")."""
    url = re.sub(r"[\t\n\r]", "", url).replace("\\", "/")
    path = re.split("[?#]", url, maxsplit=1)[0]
    kept: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        dots = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
        if dots == "..":
            kept = kept[:-1]
        elif dots != ".":
            kept.append(segment)
        if dots in (".", "..") and last:
            kept.append("")
    return "/" + "/".join(kept)
