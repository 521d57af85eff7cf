"""Runs the simulator inside a test, on a thread of its own."""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self, Unpack

from local.feishu.calls import Call, summary
from local.feishu.fault_form import parse_fault
from local.feishu.faults import Fault, FaultFields, FaultKind
from local.feishu.receiver import Receiver
from local.feishu.server.serving import serving
from local.feishu.ways.flow_webhook import PATH
from local.feishu.ways.way import Webhook


class FeishuSimulator:
    """Runs for the length of a `with` block.

    Usage::

        with FeishuSimulator() as feishu:
            feishu.set_fault("slow", user_id=7, delay=0.1)
            requests.post(feishu.webhook_url("some-key"), json=...)
            [call] = feishu.calls(user_id=7)
    """

    def __init__(self, *, port: int = 0, faults: tuple[Fault, ...] = ()) -> None:
        self.receiver = Receiver()
        self.receiver.faults.add(*faults)
        self._port = port
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="feishu-simulator", daemon=True)
        server = serving(self.receiver, host="127.0.0.1", port=self._port)
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
        """Sets a webhook up as its owner would. A webhook that was never set up accepts calls without a token."""
        self.receiver.webhooks[key] = Webhook(enabled=enabled, bearer_token=bearer_token)

    def set_fault(self, kind: FaultKind | str, **narrowed: Unpack[FaultFields]) -> None:
        """Adds a fault. A call that matches several meets the one that was set first.

        Raises:
            FaultError: the text names the field that is wrong.
        """
        self.receiver.faults.add(parse_fault({"kind": kind, **narrowed}))

    def clear_faults(self) -> None:
        self.receiver.faults.clear()

    def calls(self, **only: object) -> list[Call]:
        """In the order in which they came. `calls(notification_id=7, accepted=True)` are those with these values."""
        return self.receiver.log.calls(**only)

    def summary(self) -> Mapping[str, Any]:
        return summary(self.calls())

    def clear_calls(self) -> None:
        self.receiver.log.clear()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
