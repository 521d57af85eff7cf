"""AWS clients whose calls end with the deadline, whatever hangs: the name look-up, TLS, or the service itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from delivery.aws.session import aws_session
from delivery.deadline import OutOfTime, wait_of

#: What a call of AWS raises when it did not succeed, for whatever reason.
AWS_ERRORS = (BotoCoreError, ClientError, OutOfTime)

_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 1.5, 4, 2
_CALL_SECONDS = 12.0  # both tries, and what botocore waits between them


def client(service: str) -> BoundedClient:
    """A client of this service, in the function's own region and role."""
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
    )
    return BoundedClient(lambda: aws_session().create_client(service, config=config))


class BoundedClient:
    """Calls as botocore's client does, and raises OutOfTime when the answer is not there in time.

    botocore's time-outs do not cover the name look-up. So a call runs on a thread, which is left behind when its time
    is over. What it does then is harmless: each of our calls may happen twice or late.

    botocore's client is made at the first call, because making one lengthens a cold start and the report queue is
    hardly ever needed.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._made = cache(make)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto clients are made at run time
        method = getattr(self._made(), name)
        return lambda **arguments: _within_deadline(lambda: method(**arguments), name)


def _within_deadline(call: Any, name: str) -> Any:  # noqa: ANN401
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:  # noqa: BLE001 - raised again where the answer is waited for
            answer.set_exception(error)

    threading.Thread(target=run, name=f"aws {name}", daemon=True).start()
    try:
        return answer.result(timeout=wait_of(_CALL_SECONDS))
    except TimeoutError:
        raise OutOfTime(f"AWS did not answer {name} in time") from None


def own_words(error: Exception) -> str:
    """The service's own code and message; for what did not come from it, the kind of error and its text."""
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        return f"{said.get('Code', '-')}: {said.get('Message', '-')}"
    return f"{type(error).__name__}: {error}"
