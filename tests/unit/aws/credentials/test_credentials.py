"""Credentials at rest: sealed for one user and channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.storage.credentials import CredentialError, open_sealed, seal

KEY = bytes(range(32))
CHANNEL = "feishu_webhook"
SECRET = "https://www.feishu.cn/flow/api/trigger-webhook/secret"


class OneKey:
    def current(self) -> tuple[int, bytes]:
        return 1, KEY

    def key(self, key_id: int) -> bytes:
        if key_id != 1:
            raise CredentialError("no such key")
        return KEY


def sealed(credential: str = SECRET, *, user_id: int = 7, channel: str = CHANNEL) -> str:
    return seal(credential, key_id=1, key=KEY, user_id=user_id, channel=channel)


def opened(stored: str, *, user_id: int = 7, channel: str = CHANNEL) -> str:
    return open_sealed(stored, keys=OneKey(), user_id=user_id, channel=channel)


@given(st.text(), st.integers(1, 2**63 - 1))
def test_what_is_sealed_opens_for_its_user_and_channel(credential: str, user_id: int) -> None:
    """Any text."""
    assert opened(sealed(credential, user_id=user_id), user_id=user_id) == credential


def test_the_stored_form_names_its_key_and_shows_nothing() -> None:
    """And never twice the same, so that equal credentials cannot be told."""
    stored = sealed()
    assert stored.startswith("v1:1:")
    assert "secret" not in stored
    assert stored != sealed()


@pytest.mark.parametrize(("user_id", "channel"), [(8, CHANNEL), (7, "feishu_app"), (77, CHANNEL), (7, "")])
def test_a_value_copied_to_another_user_or_channel_does_not_open(user_id: int, channel: str) -> None:
    """Else whoever can write to the table could have messages sent with somebody else's credentials."""
    with pytest.raises(CredentialError, match="does not open for this user and channel"):
        opened(sealed(), user_id=user_id, channel=channel)


@pytest.mark.parametrize("stored", ["", SECRET, "token", "v2:1:abc", "V1:1:abc", " v1:1:abc"])
def test_a_plain_text_row_of_the_go_service_is_read_as_it_is(stored: str) -> None:
    """It was written before there was a prefix."""
    assert opened(stored) == stored


@pytest.mark.parametrize(
    "stored",
    [
        "v1:",
        "v1:1",
        "v1:1:",
        "v1::AAAA",
        "v1:x:AAAA",
        "v1:1:AAAA",
        "v1:1:AAAA:AAAA",
        "v1:1:not base64",
        "v1:1:摘要",
        "v1:1:" + "A" * 400,
        "v1:2:" + sealed().rpartition(":")[2],
        sealed()[:-4],
        sealed().replace("v1:1:", "v1:1:!"),
        sealed()[:-8] + "AAAAAAA=",
        f"v1:{'9' * 5_000}:AAAA",
    ],
)
def test_a_damaged_value_is_a_credential_error(stored: str) -> None:
    """In one line that shows nothing of it."""
    with pytest.raises(CredentialError) as raised:
        opened(stored)
    assert str(raised.value) in (
        "the stored credential is damaged",
        "the stored credential does not open for this user and channel",
        "no such key",
    )


def test_what_an_earlier_release_sealed_opens() -> None:
    """Twelve bytes of nonce, then what AES-256-GCM makes of the text."""
    assert opened("v1:1:dHdlbHZlIGJ5dGVz2fGMjAE+3mySLEEq8gv0uOnuFJrj4g==") == "stored"


@given(st.text().map("v1:".__add__))
def test_any_stored_text_opens_or_is_a_credential_error(stored: str) -> None:
    """One broken row must not hold up a whole set of users."""
    with pytest.raises(CredentialError):
        opened(stored)
