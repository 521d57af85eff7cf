"""Sends one HTTP request, and says in plain words why there is no answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from hongyan.failure import Failure, Unavailable

_CONNECT_SECONDS, _READ_SECONDS = 5.0, 35.0
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


class NoAuth(AuthBase):
    """Keeps requests from sending the host's credentials in ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def checked_url(url: str, setting: str) -> str:
    """Checks a URL and removes a slash at its end. Tokens travel over TLS only, except on this machine."""
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise Failure(f"{setting}: this is no URL: {url}") from None
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username:
        raise Failure(f"{setting}: should be a URL such as https://api.example.com, is {_without_user(url)}")
    if parts.scheme == "http" and host not in _THIS_MACHINE:
        raise Failure(f"{setting}: should begin with https://, since a token is sent there")
    return url.strip().rstrip("/")


def send(
    method: str,
    url: str,
    *,
    setting: str,
    auth: AuthBase | None = None,
    **content: Any,  # noqa: ANN401 - params, json or data
) -> requests.Response:
    """Follows no redirect, which could carry a token to another host. `setting` names what gave the URL."""
    host, name = urlsplit(url).netloc, urlsplit(url).hostname
    try:
        return requests.request(
            method,
            url,
            auth=auth or NoAuth(),
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            allow_redirects=False,
            proxies={"no_proxy": name} if name in _THIS_MACHINE else None,
            **content,
        )
    except requests.RequestException as error:
        raise _failure(error, host, setting) from None


def _failure(error: requests.RequestException, host: str, setting: str) -> Failure:
    """Describes the error by its kind only, because some errors' texts hold headers."""
    match error:
        case requests.exceptions.SSLError():
            return Failure(
                f"{host}: its TLS certificate is not trusted, or it speaks no TLS; "
                "for an authority of your own set REQUESTS_CA_BUNDLE to its file"
            )
        case requests.exceptions.ProxyError():
            return Failure(f"{host}: the proxy does not let us through; see HTTPS_PROXY and NO_PROXY")
        case requests.ConnectTimeout():
            return Unavailable(f"{host}: no connection within {_CONNECT_SECONDS:.0f} s; is {setting} right?")
        case requests.Timeout():
            return Unavailable(f"{host}: no answer within {_READ_SECONDS:.0f} s")
        case requests.ConnectionError():
            return Unavailable(f"{host}: {_why(error)}; is {setting} right, and does it run?")
        case _:
            return Failure(f"{host}: the request failed ({type(error).__name__}); is {setting} right?")


def _why(error: requests.ConnectionError) -> str:
    words = str(error)
    if "NameResolutionError" in words or "getaddrinfo" in words:
        return "there is no such host"
    if "refused" in words:
        return "nothing listens there"
    return "the connection broke"


def _without_user(url: str) -> str:
    """Removes the part before @, which may hold a password."""
    return f"…@{url.rpartition('@')[2]}" if "@" in url else url
