"""Asks an OIDC issuer for tokens: by the client's own credentials, or by a person in a browser (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from hongyan.door.http import checked_url, send
from hongyan.door.kept_tokens import KeptToken
from hongyan.failure import NOT_LET_IN, Failure, Unavailable

_DISCOVERY = "/.well-known/openid-configuration"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: RFC 8628, 3.2 and 3.5: the default interval, and what is added if it is too short.
_INTERVAL_SECONDS, _SLOWER_BY_SECONDS = 5, 5
#: The default lifetime: RFC 6749, 5.1 only recommends that an answer gives one.
_LIFETIME_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The client that asks for a token, and what it asks for."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = "notifications:operate"
    audience: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    client: Client
    #: Tells a person where to sign in.
    say: Callable[[str], None]
    is_interactive: bool
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def token(self) -> KeptToken:
        if self.client.client_secret:
            return self._kept(self._granted({"grant_type": "client_credentials", **self._wanted()}))
        if not self.is_interactive:
            raise Failure(
                "a person has to sign in, and there is no terminal: set HONGYAN_CLIENT_SECRET or HONGYAN_TOKEN",
                NOT_LET_IN,
            )
        return self._by_device()

    def refreshed(self, refresh_token: str) -> KeptToken | None:
        """Returns None if the person has to sign in again."""
        answer = self._asked("token_endpoint", {"grant_type": "refresh_token", "refresh_token": refresh_token})
        return self._kept({"refresh_token": refresh_token, **_json(answer)}) if answer.ok else None

    def _by_device(self) -> KeptToken:
        begun = self._begun()
        link = begun.get("verification_uri_complete") or begun["verification_uri"]
        self.say(f"to sign in, open {link} and confirm the code {begun['user_code']}")
        interval = float(begun.get("interval", _INTERVAL_SECONDS))
        ends_at = self.now() + float(begun["expires_in"])
        while self.now() < ends_at:
            self.sleep(interval)
            answer = self._polled(begun["device_code"])
            if answer is None:  # RFC 8628, 3.5: poll more slowly after a lost connection
                interval *= 2
                continue
            if answer.ok:
                return self._kept(_json(answer))
            interval += self._longer(_json(answer))
        raise Failure("nobody confirmed the code in time; run the command again", NOT_LET_IN)

    def _begun(self) -> Mapping[str, Any]:
        answer = self._asked("device_authorization_endpoint", self._wanted())
        begun = _json(answer)
        needed = {"device_code", "user_code", "verification_uri", "expires_in"}
        if not answer.ok or not needed <= begun.keys():
            raise self._refused(answer)
        return begun

    def _polled(self, device_code: str) -> requests.Response | None:
        try:
            return self._asked("token_endpoint", {"grant_type": _DEVICE_GRANT, "device_code": device_code})
        except Unavailable:
            return None

    def _longer(self, said: Mapping[str, Any]) -> float:
        match said.get("error"):
            case "authorization_pending":
                return 0
            case "slow_down":
                return _SLOWER_BY_SECONDS
            case "access_denied":
                raise Failure("it was refused in the browser", NOT_LET_IN)
            case "expired_token":
                raise Failure("nobody confirmed the code in time; run the command again", NOT_LET_IN)
            case other:
                raise Failure(f"the issuer gives no token ({other or 'no reason given'})", NOT_LET_IN)

    def _granted(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        answer = self._asked("token_endpoint", form)
        if not answer.ok or "access_token" not in _json(answer):
            raise self._refused(answer)
        return _json(answer)

    def _asked(self, endpoint: str, form: Mapping[str, str]) -> requests.Response:
        return send(
            "POST", self._endpoint(endpoint), setting="issuer", auth=self._auth(), data=self._signed_by_us(form)
        )

    def _auth(self) -> AuthBase | None:
        return HTTPBasicAuth(self.client.client_id, self.client.client_secret) if self.client.client_secret else None

    def _signed_by_us(self, form: Mapping[str, str]) -> Mapping[str, str]:
        return form if self.client.client_secret else {"client_id": self.client.client_id, **form}

    def _wanted(self) -> dict[str, str]:
        wanted = {"scope": self.client.scope, "audience": self.client.audience}
        return {name: value for name, value in wanted.items() if value}

    def _endpoint(self, name: str) -> str:
        issuer = checked_url(self.client.issuer, "issuer")
        found = _json(send("GET", f"{issuer}{_DISCOVERY}", setting="issuer"))
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise Failure(f"issuer: {issuer} does not describe itself as an OIDC issuer at {_DISCOVERY}")
        if not isinstance(found.get(name), str):
            remedy = "; give client_secret, for the client credentials flow" if name.startswith("device") else ""
            raise Failure(f"issuer: {issuer} has no {name}{remedy}")
        return checked_url(found[name], f"the issuer's {name}")

    def _refused(self, answer: requests.Response) -> Failure:
        why = _json(answer).get("error") or f"HTTP {answer.status_code}"
        return Failure(f"the issuer gives no token ({why}); see client_id, client_secret and scope", NOT_LET_IN)

    def _kept(self, said: Mapping[str, Any]) -> KeptToken:
        return KeptToken(
            access_token=str(said["access_token"]),
            refresh_token=str(said.get("refresh_token") or ""),
            ends_at=self.now() + float(said.get("expires_in", _LIFETIME_SECONDS)),
        )


def _json(answer: requests.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
