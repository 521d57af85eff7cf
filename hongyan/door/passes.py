"""What a request carries to be authorized: a token, or the signature of an AWS identity."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from hongyan.failure import NOT_LET_IN, Failure

_GATEWAY = re.compile(r"\.execute-api\.([a-z0-9-]+)\.")


class Bearer(AuthBase):
    def __init__(self, token: str, setting: str) -> None:
        self._token = token.strip()
        if not self._token.isascii() or not self._token.isprintable() or " " in self._token or not self._token:
            raise Failure(f"{setting}: this is no token: it is empty or has other than printable ASCII characters")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenToken:
    """A token from the operator. Once it has expired, only the operator can give another."""

    token: str = field(repr=False)
    setting: str

    def auth(self) -> AuthBase:
        return Bearer(self.token, self.setting)

    def renew(self) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class FetchedToken:
    """A token that is fetched for the first request, and again after a refusal."""

    fetch: Callable[[bool], str]
    setting: str
    _token: str = field(default="", repr=False)

    def auth(self) -> AuthBase:
        self._token = self._token or self.fetch(False)
        return Bearer(self._token, self.setting)

    def renew(self) -> bool:
        self._token = self.fetch(True)
        return True


class Signature(AuthBase):
    """AWS Signature Version 4, with the credentials that any AWS tool on this machine would use."""

    def __init__(self, region: str) -> None:
        self._region = region

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - most commands need none
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.session import Session  # noqa: PLC0415

        credentials = Session().get_credentials()
        if credentials is None:
            raise Failure("--user: this needs AWS credentials, and there are none; see AWS_PROFILE", NOT_LET_IN)
        kept = {name: value for name, value in request.headers.items() if name == "Content-Type"}
        signed = AWSRequest(method=request.method, url=request.url, data=request.body, headers=kept)
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsIdentity:
    region: str

    @classmethod
    def of(cls, url: str) -> AwsIdentity:
        found = _GATEWAY.search(urlsplit(url).netloc)
        region = found[1] if found else os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise Failure("AWS_REGION: should be set, since the API's address does not name its region")
        return cls(region=region)

    def auth(self) -> AuthBase:
        return Signature(self.region)

    def renew(self) -> bool:
        return False
