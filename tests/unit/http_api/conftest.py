"""A gateway over sockets in front of functions that answer with the event they got, and a real issuer of tokens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.http_api.gateway import Gateway
from local.issuer.keys import SigningKey, signing_key
from local.issuer.server import issuer_server
from local.issuer.tokens import Issuer, TokenTerms
from local.lambda_.emulator import InvokeResult
from local.machine.wsgi import serve_requests
from local.servers.aws import Aws
from local.template.http_api import (
    Authorizer,
    Cors,
    FunctionAuthorizer,
    HttpApi,
    IamAuthorizer,
    JwtAuthorizer,
    Route,
)

AWS = Aws(endpoint_url="http://127.0.0.1:1")
AUDIENCE = "clients"
CORS = Cors(
    origins=("http://localhost:3000",),
    methods=("GET", "PUT"),
    headers=("authorization",),
    exposed=(),
    credentials=False,
    max_age=60,
)


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return signing_key(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def issuer(key: SigningKey) -> Iterator[Issuer]:
    terms = TokenTerms(audience=AUDIENCE, user_claim="sub", operate_scope="notifications:operate")
    with issuer_server(key, port=0) as url:
        yield Issuer(url=url, key=key, terms=terms)


@pytest.fixture(scope="session")
def url(issuer: Issuer) -> Iterator[str]:
    """Of an API with a route for each kind of door."""
    tokens = JwtAuthorizer(issuer=issuer.url, audience=(AUDIENCE,))
    asked = FunctionAuthorizer(function="judge", headers=("authorization",))
    api = HttpApi(
        logical_id="Api",
        cors=CORS,
        routes=[
            route("GET /open"),
            route("PUT /open"),
            route("GET /things/{thing}", tokens),
            route("GET /scoped", tokens, scopes=("notifications:operate",)),
            route("PUT /signed/{user}", IamAuthorizer()),
            route("GET /judged", asked),
            route("GET /broken", function="broken"),
        ],
    )
    gateway = Gateway(api, {"echo": echo, "judge": judge, "broken": broken}, aws=AWS)
    with serve_requests(gateway.answer, port=0, name="gateway") as url:
        yield url


@pytest.fixture
def token(issuer: Issuer) -> str:
    return issuer.token(7, now=datetime.now(UTC))


def route(
    key: str, authorizer: Authorizer | None = None, *, function: str = "echo", scopes: tuple[str, ...] = ()
) -> Route:
    return Route(key=key, function=function, authorizer=authorizer, scopes=scopes)


def echo(event: bytes) -> InvokeResult:
    answer = {"statusCode": 201, "headers": {"x-ours": "yes"}, "cookies": ["a=1"], "body": event.decode()}
    return InvokeResult(payload=json.dumps(answer).encode())


def judge(event: bytes) -> InvokeResult:
    """Lets one token in."""
    asked = json.loads(event)
    answer = {"isAuthorized": asked["identitySource"] == ["a word"], "context": {"sub": "7"}}
    return InvokeResult(payload=json.dumps(answer).encode())


def broken(_event: bytes) -> InvokeResult:
    return InvokeResult(payload=b'{"errorMessage": "secret words"}', error="ValueError: secret words")
