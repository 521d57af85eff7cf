"""The HTTP API's client: it reads the envelope of answers, and turns refusals into failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from hongyan.door.http import send
from hongyan.failure import NOT_FOUND, NOT_LET_IN, Failure, Refused, Unavailable

_ROOT = "/api/v1/notification"
_LATER = frozenset({429, 502, 503, 504})
#: Seconds before each retry.
_WAITS = (0.5, 2.0, 5.0)


class Pass(Protocol):
    """Authenticates requests."""

    def auth(self) -> AuthBase: ...

    def renew(self) -> bool:
        """Call after a refusal. Returns whether another try is worthwhile."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    url: str
    #: The setting that gave the URL, for error messages.
    setting: str
    let_in_by: Pass
    sleep: Callable[[float], None] = time.sleep

    def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401 - JSON
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Use it only for requests that may be repeated without harm."""
        return self.call("POST", path, body=body)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        once: bool = False,
    ) -> Any:  # noqa: ANN401 - JSON
        """The answer's `data`. Unless `once`, retries for a while if the service asks to come back later."""
        for wait in () if once else _WAITS:
            try:
                return self._call(method, path, query, body)
            except Unavailable:
                self.sleep(wait)
        return self._call(method, path, query, body)

    def _call(self, method: str, path: str, query: Mapping[str, Any] | None, body: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
        answer = self._sent(method, path, query, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self.let_in_by.renew():
            answer = self._sent(method, path, query, body)
        return self._data(answer)

    def _sent(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Mapping[str, Any] | None
    ) -> requests.Response:
        given = {name: value for name, value in (query or {}).items() if value not in (None, [])}
        content = {"json": body} if body is not None else {}
        url = f"{self.url}{_ROOT}/{quote(path)}"
        return send(method, url, setting=self.setting, auth=self.let_in_by.auth(), params=given, **content)

    def _data(self, answer: requests.Response) -> Any:  # noqa: ANN401 - JSON
        said = _envelope(answer)
        if answer.ok and "data" in said:
            return said["data"]
        raise self._refusal(answer.status_code, said)

    def _refusal(self, http: int, said: Mapping[str, Any]) -> Failure:
        words = str(said.get("info") or said.get("message") or "no reason given")
        if http == HTTPStatus.UNAUTHORIZED:
            return Failure(f"the token is not accepted ({words}); see --token and --profile", NOT_LET_IN)
        if http == HTTPStatus.FORBIDDEN:
            return Failure(f"you are not let in ({words}); ask for a token with what is missing", NOT_LET_IN)
        if http in _LATER:
            return Unavailable(f"the service is busy or away (HTTP {http}, {words}); try again later")
        if http == HTTPStatus.NOT_FOUND and "info" in said:
            return Failure(words, NOT_FOUND)
        if "info" in said:
            return Refused(f"refused: {words} ({said.get('status', http)})")
        return Failure(f"{self.url} answers HTTP {http} and not as Hongyan's API; is {self.setting} right?")


def _envelope(answer: requests.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
