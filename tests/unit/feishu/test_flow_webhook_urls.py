"""Which URLs are Flow webhooks of Feishu's, and how one is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.feishu.flow_webhook import mask_webhook, webhook_problem
from tests.unit.samples import WEBHOOK, WEBHOOK_KEY

FEISHU = ("https://www.feishu.cn", "https://feishu.cn")
PATH = "/flow/api/trigger-webhook"
BLANKS = [" ", "\n", "\t"]
MARKS = [":", "//", "/", "\\", "@", "?", "#", "%2f", "..", ":443", "[", "]"]
NAMES = ["https", "http", "HTTPS", "www.feishu.cn", "feishu.cn", "evil.example", PATH, "key", "。", "ｆeishu.cn"]
URL_PARTS = st.sampled_from([*NAMES, *MARKS, *BLANKS])


def test_the_origins_of_a_setting_may_be_in_upper_case() -> None:
    """Host names are not case-sensitive there either."""
    assert problem(f"https://www.feishu.cn{PATH}/key", ("HTTPS://WWW.Feishu.CN",)) is None
    assert problem(f"https://evil.example{PATH}/key", ("HTTPS://WWW.Feishu.CN",)) is not None


def problem(url: str, origins: tuple[str, ...] = FEISHU) -> str | None:
    return webhook_problem(url, origins)


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.feishu.cn{PATH}/key",
        f"https://feishu.cn{PATH}/key",
        f"https://WWW.Feishu.CN{PATH}/KEY_with-all-0123",
        f"https://www.feishu.cn{PATH}/{'k' * 200}",
    ],
)
def test_a_flow_webhook_of_feishu_is_allowed(url: str) -> None:
    """Host names are not case-sensitive; keys are."""
    assert problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "key",
        f"http://www.feishu.cn{PATH}/key",
        f"ftp://www.feishu.cn{PATH}/key",
        f"//www.feishu.cn{PATH}/key",
        f"https:/www.feishu.cn{PATH}/key",
        f"https:www.feishu.cn{PATH}/key",
        f"https://user@www.feishu.cn{PATH}/key",
        f"https://user:password@www.feishu.cn{PATH}/key",
        f"https://www.feishu.cn@evil.example{PATH}/key",
        f"https://www.feishu.cn:443{PATH}/key",
        f"https://www.feishu.cn:8443{PATH}/key",
        f"https://www.feishu.cn:{PATH}/key",
        f"https://open.feishu.cn{PATH}/key",
        f"https://www.feishu.cn.evil.example{PATH}/key",
        f"https://evilfeishu.cn{PATH}/key",
        f"https://www.feishu.cn.{PATH}/key",
        f"https://www。feishu。cn{PATH}/key",
        f"https://www.ｆeishu.cn{PATH}/key",
        f"https://www.feishu.xn--fiqs8s{PATH}/key",
        f"https://www.feıshu.cn{PATH}/key",
        f"https://127.0.0.1{PATH}/key",
        f"https://[::1]{PATH}/key",
        f"https://[{PATH}/key",
        f"https://169.254.169.254{PATH}/key",
        f"https://www.feishu.cn\\@evil.example{PATH}/key",
        f"https://evil.example\\@www.feishu.cn{PATH}/key",
        f"https://www.feishu.cn\\.evil.example{PATH}/key",
    ],
)
def test_any_other_origin_is_refused(url: str) -> None:
    """Else the service could be made to call inside its own network, or to hand tokens to strangers."""
    assert problem(url) in (
        "webhook_url should begin with https://www.feishu.cn or https://feishu.cn",
        "webhook_url is not a URL",
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        PATH,
        f"{PATH}/",
        f"{PATH}/key/",
        f"{PATH}/key/more",
        f"{PATH}//key",
        f"{PATH}/../key",
        f"{PATH}/..",
        f"{PATH}/%2e%2e",
        f"{PATH}/a%2fb",
        f"{PATH}/ключ",
        f"{PATH}/a b",
        f"{PATH}/a;b",
        f"{PATH}/a:b",
        f"{PATH}/a\\b",
        f"{PATH}/{'k' * 201}",
        f"/flow/api/trigger-webhooks{PATH}/key",
        f"/x{PATH}/key",
        f"/{PATH}/key",
        f"{PATH.upper()}/key",
        "/flow/api/trigger-webhook%2fkey",
        "/open-apis/bot/v2/hook/key",
        f"{PATH}/key?x=1",
        f"{PATH}/key?",
        f"{PATH}/key#x",
        f"{PATH}/key#",
        f"{PATH}/key\n",
        f"{PATH}/ke\ny",
        f"{PATH}/ke\ty",
        f"{PATH}/key\r\nHost: evil.example",
        f"{PATH}/key\x00",
        f"{PATH}/key ",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    """One path, one key, nothing after it, nothing hidden in it."""
    assert problem(f"https://www.feishu.cn{path}") is not None


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\x00", "\x1f"])
def test_a_blank_before_or_within_the_url_is_refused(blank: str) -> None:
    """URL parsers drop some of them silently, and not all the same ones."""
    assert problem(f"{blank}{WEBHOOK}") is not None
    assert problem(WEBHOOK.replace("www", f"w{blank}ww")) is not None
    assert problem(WEBHOOK.replace("https", f"ht{blank}tps")) is not None


def test_origins_are_a_setting() -> None:
    """So that a local stack can call its simulator, which a deployed stage cannot."""
    url = f"http://127.0.0.1:8088{PATH}/key"
    assert problem(url) is not None
    assert problem(url, ("http://127.0.0.1:8088",)) is None
    assert problem(url, ("http://127.0.0.1:80",)) is not None


@given(st.lists(URL_PARTS, max_size=9).map("".join) | st.text())
def test_whatever_is_allowed_is_written_exactly_as_it_is_called(url: str) -> None:
    """Any text has a verdict, and only the plain form passes."""
    if problem(url) is None:
        _, _, host, *path, key = url.split("/")
        assert host.lower() in ("www.feishu.cn", "feishu.cn")
        assert ("/" + "/".join(path), key.isascii()) == (PATH, True)


@given(st.text(alphabet="abcXYZ019:/?#@[]%\\ \n", max_size=40))
def test_a_reason_never_repeats_the_url(tail: str) -> None:
    """It is a credential."""
    said = problem(f"https://evil.example/{WEBHOOK_KEY}{tail}")
    assert said is not None
    assert WEBHOOK_KEY not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (WEBHOOK, f"https://www.feishu.cn{PATH}/k3yO...ySee"),
        (f"{WEBHOOK}?x=secret#secret", f"https://www.feishu.cn{PATH}/k3yO...ySee"),
        (f"https://www.feishu.cn{PATH}/12345678", f"https://www.feishu.cn{PATH}/****"),
        (f"https://www.feishu.cn{PATH}/123456789", f"https://www.feishu.cn{PATH}/1234...6789"),
        (f"https://u:p@www.feishu.cn{PATH}/12345678", f"https://www.feishu.cn{PATH}/****"),
        (f"{WEBHOOK}/", f"https://www.feishu.cn{PATH}/k3yO...See/"),
        (f"https://evil.example/{WEBHOOK_KEY}/more", "https://evil.example/k3yO...more"),
        ("https://[", "****"),
        ("", "/****"),
    ],
)
def test_a_webhook_is_shown_with_its_key_masked(url: str, shown: str) -> None:
    """The first and last four characters; no query, no user, and any text can be masked."""
    assert mask_webhook(url) == shown
