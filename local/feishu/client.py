"""A client of a simulator that runs as another process: it sets webhooks and faults, and reads the call log."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3


class SimulatedFeishu:
    def __init__(self, url: str) -> None:
        self.url = url
        self._http = urllib3.PoolManager(timeout=10, retries=urllib3.Retry(2))

    def require_token(self, key: str, token: str) -> None:
        """Makes the webhook refuse calls without this token from now on."""
        self._post("/_webhooks", {"key": key, "bearer_token": token})

    def set_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        self._post("/_faults", faults)

    def clear_faults(self) -> None:
        self._http.request("DELETE", f"{self.url}/_faults")

    def calls(self) -> Sequence[Mapping[str, Any]]:
        answer = self._http.request("GET", f"{self.url}/_calls")
        return [json.loads(line) for line in answer.data.splitlines()]

    def close(self) -> None:
        self._http.clear()

    def _post(self, path: str, document: object) -> None:
        answer = self._http.request("POST", self.url + path, body=json.dumps(document).encode())
        if answer.status != 200:
            raise ValueError(f"the simulated Feishu refused {path}: {answer.data.decode()}")


def calls_by_record(calls: Sequence[Mapping[str, Any]], *, accepted: bool = False) -> Mapping[int, int]:
    """How often Feishu was called for each notification, or how often its user saw the message."""
    return Counter(call["notification_id"] for call in calls if call["accepted"] or not accepted)
