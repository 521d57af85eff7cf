"""Who gets in with a token: those whom API Gateway's JWT authorizer would let in, and nobody else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from local.issuer.keys import SigningKey, signing_key
from local.issuer.tokens import LIFETIME, Issuer
from tests.calling import call
from tests.unit.http_api.conftest import AUDIENCE

REFUSED = (401, b'{"message":"Unauthorized"}')

ANOTHER = generate_private_key(public_exponent=65_537, key_size=2_048)

Forge = Callable[..., str]


@pytest.fixture
def forged(issuer: Issuer, key: SigningKey) -> Forge:
    """A token that is right, but for what a test changes."""

    def forged(private: Any = key.private, algorithm: str = "RS256", kid: str | None = key.id, **changes: Any) -> str:
        now = datetime.now(UTC)
        claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "7", "iat": now, "exp": now + timedelta(minutes=5)}
        said = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(said, private, algorithm=algorithm, headers={"kid": kid} if kid else None)

    return forged


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", ""])
def test_a_token_opens_a_route_and_its_claims_are_passed_on(url: str, token: str, scheme: str) -> None:
    """As texts, with the variables of the path."""
    answer = call(f"{url}/things/a%2Fb", authorization=f"{scheme}{token}")
    event = answer.json
    assert event["pathParameters"] == {"thing": "a/b"}
    told = event["requestContext"]["authorizer"]["jwt"]
    assert (told["claims"]["sub"], told["claims"]["aud"], told["scopes"]) == ("7", AUDIENCE, None)
    assert told["claims"]["exp"].isdigit()


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": datetime.now(UTC) - timedelta(seconds=2)},
        {"exp": None},
        {"nbf": datetime.now(UTC) + timedelta(hours=1)},
        {"iat": datetime.now(UTC) + timedelta(hours=1)},
        {"aud": "somebody else"},
        {"aud": None},
        {"aud": "somebody else", "client_id": AUDIENCE},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"kid": None},
        {"kid": "another"},
        {"private": ANOTHER},
        {"private": "x" * 32, "algorithm": "HS256"},
        {"private": None, "algorithm": "none"},
    ],
    ids=[
        "expired",
        "without an end",
        "not yet good",
        "of the future",
        "for another audience",
        "for nobody",
        "for another audience, of our client",
        "of another issuer",
        "of no issuer",
        "without a key's name",
        "of a key that is not there",
        "signed by another key",
        "signed by a secret",
        "unsigned",
    ],
)
def test_a_token_that_is_not_right_is_refused(url: str, forged: Forge, changes: dict[str, Any]) -> None:
    """With API Gateway's own words."""
    answer = call(f"{url}/things/1", authorization=f"Bearer {forged(**changes)}")
    assert (answer.status, answer.body) == REFUSED


def test_a_public_key_is_no_secret_to_sign_with(url: str, forged: Forge, key: SigningKey) -> None:
    """Its text, used as the key of an HMAC."""
    public = key.as_jwk()["n"]
    assert call(f"{url}/things/1", authorization=f"Bearer {forged(public, 'HS256')}").status == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "x"])
def test_what_is_no_token_is_refused(url: str, header: str) -> None:
    answer = call(f"{url}/things/1", authorization=header)
    assert (answer.status, answer.body) == REFUSED


@pytest.mark.parametrize("changes", [{"aud": [AUDIENCE, "another"]}, {"aud": None, "client_id": AUDIENCE}], ids=str)
def test_a_token_may_name_its_audience_in_other_ways(url: str, forged: Forge, changes: dict[str, Any]) -> None:
    """In a list, or as Cognito's access tokens do."""
    assert call(f"{url}/things/1", authorization=f"Bearer {forged(**changes)}").status == 201


def test_a_route_may_ask_for_a_scope(url: str, issuer: Issuer) -> None:
    """Who has a token without it is somebody, but may not."""
    now = datetime.now(UTC)
    refused = call(f"{url}/scoped", authorization=f"Bearer {issuer.token(7, now=now)}")
    assert (refused.status, refused.body) == (403, b'{"message":"Forbidden"}')
    let_in = call(f"{url}/scoped", authorization=f"Bearer {issuer.token(7, now=now, is_operator=True)}")
    assert let_in.json["requestContext"]["authorizer"]["jwt"]["scopes"] == ["notifications:operate"]


def test_a_token_of_the_issuer_ends(url: str, issuer: Issuer) -> None:
    """An hour after it was made."""
    made = datetime.now(UTC) - LIFETIME
    assert call(f"{url}/things/1", authorization=f"Bearer {issuer.token(7, now=made)}").status == 401
    still = made + timedelta(minutes=1)
    assert call(f"{url}/things/1", authorization=f"Bearer {issuer.token(7, now=still)}").status == 201


def test_the_key_of_a_checkout_stays_the_same(tmp_path: Any) -> None:
    """So that a token outlives a restart; nobody else can read it."""
    first = signing_key(tmp_path)
    assert signing_key(tmp_path).id == first.id
    (file,) = (tmp_path / "issuer").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert set(first.as_jwk()) == {"kty", "key_ops", "n", "e", "kid", "alg", "use"}
