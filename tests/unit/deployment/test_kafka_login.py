"""How the function that makes topics logs in to MSK: as its role, by a token that is signed on the spot."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

from delivery.aws.kafka.admin import KafkaAdmin
from delivery.aws.kafka.login import iam_login


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Lambda puts into a function's environment."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", f"the-{name.lower()}")


def token() -> tuple[str, float]:
    signed, expires = iam_login("eu-west-1")["oauth_cb"]("")
    return signed, expires


def asked(signed: str) -> tuple[str | None, Mapping[str, Any]]:
    url = urlparse(base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4)).decode())
    return url.hostname, parse_qs(url.query)


def test_a_token_is_a_signed_request_to_connect_to_kafka_in_the_region() -> None:
    """By the role's own short-lived key, of which the secret part never travels."""
    host, query = asked(token()[0])
    assert (host, query["Action"]) == ("kafka.eu-west-1.amazonaws.com", ["kafka-cluster:Connect"])
    credential = query["X-Amz-Credential"][0].split("/")
    assert (credential[0], credential[2:]) == ("the-access_key_id", ["eu-west-1", "kafka-cluster", "aws4_request"])
    assert query["X-Amz-Security-Token"] == ["the-session_token"]
    assert "the-secret_access_key" not in str(query)


def test_a_token_says_in_seconds_when_it_ends() -> None:
    """A quarter of an hour, longer than the function runs; milliseconds would never be renewed."""
    assert token()[1] - time.time() == pytest.approx(900, abs=5)


def test_a_login_is_never_sent_in_the_clear() -> None:
    """TLS, with the authorities of the system."""
    login = iam_login("eu-west-1")
    assert (login["security.protocol"], login["sasl.mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
    assert login["ssl.ca.location"] == "probe"


def test_a_token_is_asked_for_without_being_polled_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older clients asked only while polled, and every call of an administrator ended as a time-out."""
    signed = threading.Event()
    make = MSKAuthTokenProvider.generate_auth_token

    def told(region: str) -> Any:
        signed.set()
        return make(region)

    monkeypatch.setattr(MSKAuthTokenProvider, "generate_auth_token", told)
    KafkaAdmin("127.0.0.1:1", iam_login("eu-west-1"))
    assert signed.wait(10)
