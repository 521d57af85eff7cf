"""The simulator from outside: faults and tokens in over HTTP, the calls that it has seen out."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import urllib3

from local.demo.scenario import User


class SimulatedFeishu:
    def __init__(self, url: str) -> None:
        self.url = url
        self._http = urllib3.PoolManager(timeout=10, retries=urllib3.Retry(2))

    def prepare(self, users: Collection[User]) -> None:
        """Sets what the users' webhooks ask for, and how Feishu fails for each of them."""
        for user in users:
            if user.required_token:
                self._post("/_webhooks", {"key": user.webhook_key, "bearer_token": user.required_token})
        self._post("/_faults", [_fault(user) for user in users if user.fault])

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


def _fault(user: User) -> Mapping[str, object]:
    kind, fields = user.fault or ("", {})
    return {"kind": kind, "user_id": user.user_id, **fields}
