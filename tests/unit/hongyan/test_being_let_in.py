"""Which service is talked to, by which token, and what is said when neither works."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from hongyan.door.issuer import Client, Issuer
from hongyan.door.kept_tokens import KeptTokens
from hongyan.failure import Failure
from tests.unit.hongyan.conftest import Run
from tests.unit.hongyan.oidc_issuer import OIDC, SECRET, issuing
from tests.unit.hongyan.served_api import OPERATOR, USER, Kept, record


def write_profile(home: Path, mode: int = 0o600, **keys: str) -> Path:
    file = home / ".config" / "hongyan" / "profiles.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[dev]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
    file.chmod(mode)
    return file


@pytest.fixture
def oidc(kept: Kept) -> OIDC:
    return OIDC(claims=kept.claims)


def test_without_any_service_the_ways_to_name_one_are_told(hongyan: Run) -> None:
    said = hongyan("records")
    assert said.code == 2
    assert said.err == (
        "hongyan: which service? Give --profile or --url (or HONGYAN_URL), or start the local stack with `make up`\n"
    )


def test_address_and_token_may_be_options(hongyan: Run, url: str) -> None:
    assert hongyan("records", "--url", f"{url}/", "--token", OPERATOR).code == 0


def test_options_win_over_the_environment(hongyan: Run, at_stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONGYAN_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HONGYAN_TOKEN", "wrong")
    assert hongyan("records", "--url", at_stage, "--token", OPERATOR).code == 0


def test_a_token_of_the_environment_does_not_go_to_a_profiles_address(hongyan: Run, at_stage: str, clean: Path) -> None:
    """It may be another stage's."""
    write_profile(clean, url=at_stage)
    said = hongyan("records", "--profile", "dev")
    assert said.code == 4
    assert said.err.startswith("hongyan: no token: give --token")


def test_a_refused_token_is_not_printed(hongyan: Run, url: str) -> None:
    said = hongyan("records", "--url", url, "--token", "eyJhbGciOi.secret")
    assert said.code == 4
    assert said.err == "hongyan: the token is not accepted (Unauthorized); see --token and --profile\n"


@pytest.mark.parametrize("token", ["secret\nX-Other: 1", "geheim€", "secret secret"])
def test_what_cannot_be_a_token_is_refused_unprinted(token: str, hongyan: Run, url: str, kept: Kept) -> None:
    said = hongyan("records", "--url", url, "--token", token)
    assert (said.code, kept.seen) == (1, [])
    assert len(said.err.splitlines()) == 1
    assert token.split(maxsplit=1)[0] not in said.err


def test_a_token_without_the_scope_is_not_let_in(hongyan: Run, url: str) -> None:
    said = hongyan("records", "--url", url, "--token", USER)
    assert said.code == 4
    assert "this needs the scope notifications:operate" in said.err


def test_a_token_goes_over_tls_only(hongyan: Run, clean: Path) -> None:
    said = hongyan("records", "--url", "http://api.example.com", "--token", "t")
    assert said.code == 1
    assert said.err == "hongyan: --url: should begin with https://, since a token is sent there\n"


@pytest.mark.parametrize(
    "address", ["api.example.com", "ftp://x", "https://", "https://user:pw@x", "https://x:1y", "https://x?a=1"]
)
def test_what_is_no_address_is_refused(address: str, hongyan: Run) -> None:
    said = hongyan("records", "--url", address, "--token", "t")
    assert said.code == 1
    assert said.err.startswith("hongyan: --url: ")
    assert "pw" not in said.err


def test_where_nothing_listens_is_said_in_plain_words(hongyan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hongyan.door.api._WAITS", ())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = hongyan("records", "--url", f"http://127.0.0.1:{port}", "--token", "t")
    assert said.code == 1
    assert said.err == f"hongyan: 127.0.0.1:{port}: nothing listens there; is --url right, and does it run?\n"


def test_a_host_that_speaks_no_tls_is_said_in_plain_words(hongyan: Run, url: str) -> None:
    said = hongyan("records", "--url", url.replace("http:", "https:"), "--token", "t")
    assert said.code == 1
    assert "its TLS certificate is not trusted, or it speaks no TLS" in said.err
    assert len(said.err.splitlines()) == 1


def test_a_server_that_is_not_the_api_is_named(hongyan: Run, at_stage: str, kept: Kept) -> None:
    kept.instead = [(404, b'{"message":"Not Found"}'), (200, b"<html>"), (302, b"")]
    for http in (404, 200, 302):
        said = hongyan("records")
        assert said.code == 1
        assert said.err == (
            f"hongyan: {at_stage} answers HTTP {http} and not as Hongyan's API; is HONGYAN_URL right?\n"
        )


def test_a_busy_service_is_asked_again(
    hongyan: Run, at_stage: str, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hongyan.door.api._WAITS", (0.0, 0.0))
    kept.records = [record(1)]
    kept.instead = [(429, b'{"message":"Too Many Requests"}'), (503, b'{"message":"Service Unavailable"}')]
    assert hongyan("records").code == 0
    kept.instead = [(503, b"")] * 3
    assert hongyan("records").err == (
        "hongyan: the service is busy or away (HTTP 503, no reason given); try again later\n"
    )


def test_a_program_gets_its_token_by_its_own_credentials(hongyan: Run, url: str, clean: Path, oidc: OIDC) -> None:
    """Once: until it is over, the same is used."""
    with issuing(oidc) as issuer:
        write_profile(clean, url=url, issuer=issuer, client_id="nightly", client_secret=SECRET)
        assert [hongyan("records", "--profile", "dev").code for _ in range(2)] == [0, 0]
    assert [form["grant_type"] for form in oidc.granted] == ["client_credentials"]
    assert oidc.granted[0]["scope"] == "notifications:operate"
    (file,) = (clean / ".local" / "state" / "hongyan" / "tokens").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_token_that_is_over_or_was_withdrawn_is_asked_for_anew(
    hongyan: Run, url: str, clean: Path, oidc: OIDC, kept: Kept
) -> None:
    with issuing(oidc) as issuer:
        write_profile(clean, url=url, issuer=issuer, client_id="nightly", client_secret=SECRET)
        hongyan("records", "--profile", "dev")
        kept.claims.clear()  # withdrawn
        assert hongyan("records", "--profile", "dev").code == 0
        oidc.expires_in = 5  # sooner over than a command may take
        kept.claims.clear()
        hongyan("records", "--profile", "dev")
        hongyan("records", "--profile", "dev")
    assert len(oidc.granted) == 4


def test_a_secret_that_the_issuer_refuses_is_not_printed(hongyan: Run, url: str, clean: Path, oidc: OIDC) -> None:
    with issuing(oidc) as issuer:
        write_profile(clean, url=url, issuer=issuer, client_id="nightly", client_secret="wrong-secret")
        said = hongyan("records", "--profile", "dev")
    assert said.code == 4
    assert said.err == "hongyan: the issuer gives no token (invalid_client); see client_id, client_secret and scope\n"


def test_a_person_is_let_in_by_a_code(oidc: OIDC, clean: Path) -> None:
    """RFC 8628: told where to go, waited for, more slowly when asked to; later refreshed without them."""
    said: list[str] = []
    waits: list[float] = []
    oidc.polls = ["authorization_pending", "slow_down", "authorization_pending"]
    with issuing(oidc) as address:
        client = Client(issuer=address, client_id="people")
        source = Issuer(client=client, say=said.append, is_interactive=True, sleep=waits.append)
        kept = KeptTokens(source=source, file=clean / "token.json")
        first = kept.fetch(False)
        assert kept.fetch(False) == first
        assert kept.fetch(True) != first
    assert said == [f"to sign in, open {address}/device?code=ABCD-EFGH and confirm the code ABCD-EFGH"]
    assert waits == [1, 1, 6, 6]
    assert oidc.granted[-1] == {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "people"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "it was refused in the browser"),
        ("expired_token", "nobody confirmed the code in time; run the command again"),
        ("invalid_grant", "the issuer gives no token (invalid_grant)"),
    ],
)
def test_a_code_that_is_not_confirmed_lets_nobody_in(error: str, words: str, oidc: OIDC) -> None:
    oidc.polls = [error]
    with issuing(oidc) as address:
        client = Client(issuer=address, client_id="people")
        with pytest.raises(Failure, match=re.escape(words)) as failure:
            Issuer(client=client, say=lambda _: None, is_interactive=True, sleep=lambda _: None).token()
    assert failure.value.code == 4


def test_nobody_is_waited_for_without_a_terminal(hongyan: Run, url: str, clean: Path, oidc: OIDC) -> None:
    with issuing(oidc) as issuer:
        write_profile(clean, url=url, issuer=issuer, client_id="people")
        said = hongyan("records", "--profile", "dev")
    assert said.code == 4
    assert "HONGYAN_CLIENT_SECRET or HONGYAN_TOKEN" in said.err


def test_a_profile_file_that_others_may_read_holds_no_secret(hongyan: Run, url: str, clean: Path) -> None:
    file = write_profile(clean, 0o644, url=url, client_secret=SECRET)
    said = hongyan("records", "--profile", "dev")
    assert said.err == f"hongyan: {file}: holds a client_secret and others may read it: chmod 600 {file}\n"


def test_mistakes_in_a_profile_are_named(hongyan: Run, clean: Path) -> None:
    assert "docs/hongyan.md shows one" in hongyan("records", "--profile", "dev").err
    write_profile(clean, adress="x")
    assert "[dev] has the key adress; known are audience, client_id" in hongyan("records", "--profile", "dev").err
    assert "there is no [prod] in" in hongyan("records", "--profile", "prod").err


def test_the_local_stack_is_found_from_below_its_checkout(
    hongyan: Run, url: str, clean: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    """Its token comes from its own issuer, for the operator or for the user whose channel is meant."""
    (clean / ".local").mkdir()
    (clean / ".local" / "endpoints.json").write_text(json.dumps({"api_url": url, "feishu_url": "http://simulator"}))
    (clean / "local").mkdir()
    (clean / "local" / "__init__.py").touch()
    (clean / "local" / "__main__.py").write_text(
        f"import sys; print({OPERATOR!r} if '--operator' in sys.argv else {USER!r})"
    )
    (clean / "deep" / "below").mkdir(parents=True)
    monkeypatch.chdir(clean / "deep" / "below")
    assert hongyan("records").code == 0
    assert hongyan("channel", "save", "--user", "7").code == 0
    assert kept.channels[7].webhook_url == "http://simulator/flow/api/trigger-webhook/local-user-7"


def test_a_local_stack_without_an_api_says_what_to_do(hongyan: Run, clean: Path) -> None:
    (clean / ".local").mkdir()
    (clean / ".local" / "endpoints.json").write_text("{}")
    assert hongyan("records").err == (
        "hongyan: the local stack has no api_url: end it with `make down`, start it again with `make up`\n"
    )
