"""The simulator inside a test: a server on a thread of its own, with what it was asked and told within reach."""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self, Unpack

from local.feishu.calls import Call, summary
from local.feishu.fault_form import parse_fault
from local.feishu.faults import Fault, FaultFields, FaultKind
from local.feishu.rules import PATH, Webhook
from local.feishu.server import serving
from local.feishu.trigger import Trigger


class FeishuSimulator:
    """Runs for the length of a `with` block.

    Usage::

        with FeishuSimulator() as feishu:
            feishu.set_fault("slow", user_id=7, delay=0.1)
            requests.post(feishu.webhook_url("some-key"), json=...)
            [call] = feishu.calls(user_id=7)
    """

    def __init__(self, *, port: int = 0, faults: tuple[Fault, ...] = ()) -> None:
        self.trigger = Trigger()
        self.trigger.faults.add(*faults)
        self._port = port
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="feishu-simulator", daemon=True)
        server = serving(self.trigger, host="127.0.0.1", port=self._port)
        thread.start()
        self._exits.callback(_end, loop, thread)
        try:
            self._port = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        except BaseException:
            self._exits.close()
            raise
        self._exits.callback(
            lambda: asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._exits.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def webhook_url(self, key: str) -> str:
        return f"{self.url}{PATH}{key}"

    def set_webhook(self, key: str, *, enabled: bool = True, bearer_token: str = "") -> None:
        """What its owner sets for a webhook; one that was never set takes every call, without a token."""
        self.trigger.webhooks[key] = Webhook(enabled=enabled, bearer_token=bearer_token)

    def set_fault(self, kind: FaultKind | str, **narrowed: Unpack[FaultFields]) -> None:
        """Adds a fault; of several that match a call, the one set first is met.

        Raises:
            FaultError: naming the field that makes no sense.
        """
        self.trigger.faults.add(parse_fault({"kind": kind, **narrowed}))

    def clear_faults(self) -> None:
        self.trigger.faults.clear()

    def calls(self, **only: object) -> list[Call]:
        """In the order they came, `only` those with these values: `calls(notification_id=7, accepted=True)`."""
        return self.trigger.log.calls(**only)

    def summary(self) -> Mapping[str, Any]:
        return summary(self.calls())

    def clear_calls(self) -> None:
        self.trigger.log.clear()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
