"""How a function logs in to Kafka, as librdkafka's configuration: by its role, a password, or a client certificate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

Login = Mapping[str, Any]

#: librdkafka's bundled OpenSSL does not know where the system keeps its certificate authorities; this makes it search.
_SYSTEM_AUTHORITIES: Login = {"ssl.ca.location": "probe"}


def iam_login(region: str) -> Login:
    """Logs in as the function's role, over TLS. The token is signed here without a call and lives 15 minutes."""

    def token(_: str) -> tuple[str, float]:
        signed, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return signed, expires_ms / 1000

    return {
        **trusting(None),
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": token,
    }


def password_login(mechanism: str, secret: str, *, authority: str | None) -> Login:
    """Logs in with the user and password of a secret, over TLS: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN."""
    user = json.loads(secret)
    return {
        **trusting(authority),
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": user["username"],
        "sasl.password": user["password"],
    }


def certificate_login(secret: str, *, authority: str | None) -> Login:
    """Logs in with a client certificate (mutual TLS), whose key may be encrypted."""
    client = json.loads(secret)
    key_password = client.get("privateKeyPassword")
    return {
        **trusting(authority),
        "security.protocol": "SSL",
        "ssl.certificate.pem": client["certificate"],
        "ssl.key.pem": client["privateKey"],
        **({"ssl.key.password": key_password} if key_password else {}),
    }


def no_login(*, authority: str | None) -> Login:
    """For brokers that need no login: over TLS if their authority is known, otherwise in clear."""
    return {**trusting(authority), "security.protocol": "SSL"} if authority else {"security.protocol": "PLAINTEXT"}


def trusting(authority: str | None) -> Login:
    """Trusts the certificate in this secret, or else the system's authorities."""
    return {"ssl.ca.pem": json.loads(authority)["certificate"]} if authority else _SYSTEM_AUTHORITIES
