"""Who gets in by a signature: those who signed this very request with the local stack's credentials, just now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.http_api.request import HttpRequest
from local.http_api.signatures import signer
from tests.calling import call
from tests.unit.http_api.conftest import AWS

PATH = "/signed/7?b=2&a=1"
BODY = b'{"enabled": true}'


def headers(
    url: str, *, secret: str = AWS.secret_access_key, service: str = "execute-api", region: str = "us-east-1"
) -> Any:
    """Of a signed request."""
    request = AWSRequest("PUT", url + PATH, data=BODY, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials("local", secret), service, region).add_auth(request)
    return dict(request.headers.items())


def test_a_signed_request_gets_in(url: str) -> None:
    """And the function is told who signed it."""
    answer = call(url + PATH, "PUT", body=BODY, **headers(url))
    assert answer.status == 201
    assert answer.json["requestContext"]["authorizer"]["iam"]["accessKey"] == "local"


@pytest.mark.parametrize("changes", [{"secret": "x"}, {"service": "lambda"}, {"region": "eu-west-1"}], ids=str)
def test_a_request_signed_otherwise_is_refused(url: str, changes: dict[str, str]) -> None:
    """With another secret, or for another service or region."""
    answer = call(url + PATH, "PUT", body=BODY, **headers(url, **changes))
    assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')


@pytest.mark.parametrize(
    ("path", "body"), [("/signed/8?b=2&a=1", BODY), ("/signed/7?b=3&a=1", BODY), (PATH, b"{}")], ids=str
)
def test_a_signature_is_good_for_one_request_only(url: str, path: str, body: bytes) -> None:
    """Not for another user, query or body."""
    assert call(url + path, "PUT", body=body, **headers(url)).status == 403


@pytest.mark.parametrize("authorization", ["", "AWS4-HMAC-SHA256", "Bearer x"])
def test_an_unsigned_request_is_refused(url: str, authorization: str) -> None:
    assert call(url + PATH, "PUT", body=BODY, authorization=authorization).status == 403


def test_a_token_does_not_open_a_backends_route(url: str, token: str) -> None:
    """However good it is elsewhere."""
    assert call(url + PATH, "PUT", body=BODY, authorization=f"Bearer {token}").status == 403


def test_a_signature_does_not_last(url: str) -> None:
    """Five minutes, either way."""
    given = {name.lower(): value for name, value in headers(url).items()}
    host = url.removeprefix("http://")
    request = HttpRequest(
        method="PUT", path="/signed/7", query="b=2&a=1", headers={**given, "host": host}, body=BODY, source="127.0.0.1"
    )
    now = datetime.now(UTC)
    assert signer(request, AWS, now=now)
    assert signer(request, AWS, now=now + timedelta(minutes=6)) is None
    assert signer(request, AWS, now=now - timedelta(minutes=6)) is None
