"""Calls the API of a running stack, as front ends, backends and operators do."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.issuer.keys import signing_key
from local.issuer.tokens import Issuer
from local.template.overrides import token_terms
from tests.calling import Answer, call
from tests.e2e.stack.stack_processes import StackProcess

ROOT = "/api/v1/notification"


def printed_token(stack: StackProcess, user_id: int, *options: str) -> str:
    """As `python -m local token` prints it."""
    printed = stack.run("token", "--user", str(user_id), *options)
    assert printed.returncode == 0, printed
    return printed.stdout.strip()


def token(stack: StackProcess, user_id: int, *, is_operator: bool = False) -> str:
    """The same without a process, which takes a second."""
    issuer = Issuer(url=stack.endpoints()["issuer_url"], key=signing_key(stack.home), terms=token_terms())
    return issuer.token(user_id, now=datetime.now(UTC), is_operator=is_operator)


def ask(stack: StackProcess, method: str, path: str, body: object = None, *, token: str) -> Answer:
    return call(
        f"{stack.endpoints()['api_url']}{ROOT}{path}",
        method,
        body=None if body is None else json.dumps(body).encode(),
        authorization=f"Bearer {token}",
        content_type="application/json",
    )


def ask_signed(stack: StackProcess, method: str, path: str, body: object = None) -> Answer:
    """With the local stack's AWS credentials."""
    url = f"{stack.endpoints()['api_url']}{ROOT}{path}"
    data = None if body is None else json.dumps(body).encode()
    request = AWSRequest(method, url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials("local", "local"), "execute-api", "us-east-1").add_auth(request)
    return call(url, method, body=data, **dict(request.headers.items()))


def forged(stack: StackProcess, *, algorithm: str = "RS256", **changes: Any) -> str:
    """A token of user 21's, by the stack's own key, that is right but for what a test changes."""
    key, now = signing_key(stack.home), datetime.now(UTC)
    claims = {"iss": stack.endpoints()["issuer_url"], "aud": "hongyan-local", "sub": "21", "iat": now}
    secrets: dict[str, Any] = {"RS256": key.private, "HS256": "x" * 32, "none": None}
    claims |= {"exp": now + timedelta(minutes=5), "scope": "notifications:operate", **changes}
    return jwt.encode(claims, secrets[algorithm], algorithm=algorithm, headers={"kid": key.id})
