"""CloudFormation's custom resources: a request in, its work done, and the answer that the deployment waits for out."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import DBAPIError

from delivery.aws.telemetry import logger
from delivery.aws.variables import SettingsError
from delivery.storage.database import own_words
from delivery.topic import TopicError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Status = Literal["SUCCESS", "FAILED"]

#: what an answer may take at most, with its tries: a worker keeps this back
ANSWER_SECONDS = 30
# The whole answer may have 4096 bytes; JSON doubles a quote, and the names around it need some.
_REASON_BYTES = 1500
# Their texts hold no credential; of any other error only the type is told, and its text stands in the log.
_TELLABLE = (SettingsError, OSError, ClientError, BotoCoreError)


def is_request(event: Mapping[str, Any]) -> bool:
    return "ResponseURL" in event


def answer(request: Mapping[str, Any], work: Callable[[], object]) -> None:
    """Does the work, except for a deletion, which leaves everything as it is, and answers whatever comes of it.

    Raises:
        ConnectionError: when nobody took the answer; Lambda then calls the function again, as it does after any error.
    """
    try:
        if request["RequestType"] != "Delete":
            work()
    except Exception as error:  # noqa: BLE001 - without an answer the deployment would hang
        logger.error("failed", exc_info=error)
        _put(request, "FAILED", reason(error))
    else:
        _put(request, "SUCCESS", "")


def reason(error: Exception) -> str:
    """One line for people, of bounded length."""
    text = " ".join("".join(c if c.isprintable() else " " for c in _told(error)).split())
    return text.encode(errors="replace")[:_REASON_BYTES].decode(errors="ignore")


def _told(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        return f"MySQL: {own_words(error)}"
    if isinstance(error, TopicError):
        return str(error)
    if isinstance(error, _TELLABLE):
        return f"{type(error).__name__}: {error}"
    return f"{type(error).__name__}; the function's log says more"


def _put(request: Mapping[str, Any], status: Status, why: str) -> None:
    body = {
        "Status": status,
        "Reason": why,
        # Always the same: another one would tell CloudFormation to delete the resource of before.
        "PhysicalResourceId": request.get("PhysicalResourceId") or request["LogicalResourceId"],
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # The URL is signed for an empty content type. PUT is repeatable, so a lost answer is given again.
    tries = urllib3.Retry(total=2, backoff_factor=0.5, status_forcelist=range(500, 600), redirect=0)
    try:
        response = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=5), retries=tries).request(
            "PUT",
            request["ResponseURL"],
            body=json.dumps(body, ensure_ascii=False).encode(),
            headers={"Content-Type": ""},
        )
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionError(f"CloudFormation was not reached: {type(error).__name__}") from None  # the URL is secret
    if response.status != HTTPStatus.OK:
        raise ConnectionError(f"CloudFormation's answer to {status} was HTTP {response.status}")
