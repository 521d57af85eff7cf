"""Publishes to a running stack, and reads what became of it, as a client would."""

import json
import re
import urllib.request
from typing import Any

from local.commands.publish import example_event, publish
from local.commands.show import show
from tests.e2e.stack_processes import StackProcess
from tests.waiting import until


def published(stack: StackProcess, user_id: int, text: str = "hello") -> str:
    said: list[str] = []
    publish(stack.endpoints(), example_event(user_id, text), key=str(user_id), say=said.append)
    return recorded_as("\n".join(said))


def recorded_as(said: str) -> str:
    found = re.search(r"recorded as (\d+);", said)
    assert found, said
    return found[1]


def until_shown(stack: StackProcess, record_id: str, **values: str) -> None:
    """Until `show` shows these values of the record."""

    def shown() -> bool:
        said: list[str] = []
        show(stack.endpoints(), int(record_id), say=said.append)
        return {tuple(line.split(maxsplit=1)) for line in said} >= set(values.items())

    until(shown)


def calls(stack: StackProcess) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stack.endpoints()['feishu_url']}/_calls", timeout=60) as answer:  # noqa: S310
        return [json.loads(line) for line in answer.read().splitlines()]


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)
