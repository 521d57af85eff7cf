"""Publishes to a running stack, and reads what became of it, with the parts of `hongyan` and without its process."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from hongyan.commands.publish import example_event, follow
from hongyan.door.api import Api
from hongyan.door.passes import GivenToken
from hongyan.kafka import Broker, Position
from hongyan.trace import Fate, Found, Trace, dedupe_key_of
from tests.e2e.stack.stack_processes import StackProcess
from tests.e2e.stack.using_api import token
from tests.waiting import until


def operator(stack: StackProcess) -> Api:
    """The stack's API, as an operator has it."""
    let_in_by = GivenToken(token=token(stack, 1, is_operator=True), setting="the test's token")
    return Api(url=stack.endpoints()["api_url"], setting="the stack", let_in_by=let_in_by)


def publish(
    stack: StackProcess, event: bytes, *, key: str, told: Callable[[Position], None] = lambda _position: None
) -> Found:
    endpoints = stack.endpoints()
    broker = Broker(
        servers=endpoints["kafka_bootstrap_servers"], topic=endpoints["topic"], group=endpoints["consumer_group"]
    )
    trace = Trace(api=operator(stack), dedupe_key=dedupe_key_of(event))
    return follow(broker, trace, event, key=key, told=told)[1]


def published(stack: StackProcess, user_id: int, text: str = "hello") -> int:
    """The record that an example event became."""
    found = publish(stack, example_event(user_id, text), key=str(user_id))
    assert found.outcome is Fate.RECORDED, found
    return int(found.row["id"])


def until_shown(stack: StackProcess, record_id: int, **values: object) -> None:
    """Until the record or one of its attempts has these values."""
    api = operator(stack)

    def shown() -> bool:
        record = api.get(f"operate/records/{record_id}")
        told = [pair for row in (record, *record.pop("attempts")) for pair in row.items()]
        return all(pair in told for pair in values.items())

    until(shown)


def calls(stack: StackProcess) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stack.endpoints()['feishu_url']}/_calls", timeout=60) as answer:  # noqa: S310
        return [json.loads(line) for line in answer.read().splitlines()]


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)
