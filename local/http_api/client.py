"""A client of the running stack's API, with the token of one user or operator."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from delivery.aws.api.channels import ROOT

#: Long enough for a cold start on a busy machine.
_TIMEOUT_SECONDS = 60
#: All of its requests may be repeated, and a worker's first answer may take longer than the time-out.
_RETRIES = urllib3.Retry(3, status_forcelist=(500, 503), allowed_methods=None, raise_on_status=False)
_HTTP = urllib3.PoolManager(maxsize=8, timeout=_TIMEOUT_SECONDS, retries=_RETRIES)


class ApiRefusedError(Exception):
    """The API did not answer with success. The message quotes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    url: str
    token: str

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        return self._data("GET", path)

    def put(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        return self._data("PUT", path, body)

    def post(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        return self._data("POST", path, body)

    def _data(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = _HTTP.request(method, f"{self.url}{ROOT}{path}", headers=headers, json=body)
        if answer.status != 200:
            raise ApiRefusedError(f"{method} {path}: HTTP {answer.status}: {answer.data.decode(errors='replace')}")
        return json.loads(answer.data)["data"]
