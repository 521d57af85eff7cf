"""Answers CloudFormation's custom resources: does what the request asks for and tells the deployment how it went."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from delivery.deployment.failure import DeploymentError

Status = Literal["SUCCESS", "FAILED"]

#: The longest that an answer may take, retries included: the work must end this long before the function's deadline.
ANSWER_SECONDS = 30
# The whole answer may have 4096 bytes; JSON doubles a quote, and the names around it need some.
_REASON_BYTES = 1500
# Their texts hold no credential. Of any other error only the type is told, and its text stands in the log.
_TELLABLE = (OSError, ClientError, BotoCoreError)


def is_request(event: Mapping[str, Any]) -> bool:
    return "ResponseURL" in event


def answer(
    request: Mapping[str, Any], work: Callable[[], object], *, on_failure: Callable[[Exception], object]
) -> None:
    """Does the work and answers, whatever comes of it. A deletion does nothing: tables and topic outlive the stack.

    Raises:
        ConnectionError: nobody took the answer. Lambda then calls the function again, as it does after any error.
    """
    try:
        if request["RequestType"] != "Delete":
            work()
    except Exception as error:  # noqa: BLE001 - without an answer the deployment would hang
        on_failure(error)
        _put(request, "FAILED", reason(error))
    else:
        _put(request, "SUCCESS", "")


def reason(error: Exception) -> str:
    """One line for people, of bounded length."""
    text = " ".join("".join(c if c.isprintable() else " " for c in _told(error)).split())
    return text.encode(errors="replace")[:_REASON_BYTES].decode(errors="ignore")


def _told(error: Exception) -> str:
    if isinstance(error, DeploymentError):
        return str(error)
    if isinstance(error, _TELLABLE):
        return f"{type(error).__name__}: {error}"
    return f"{type(error).__name__}; the function's log says more"


def _put(request: Mapping[str, Any], status: Status, why: str) -> None:
    body = {
        "Status": status,
        "Reason": why,
        # Always the same: a different one would tell CloudFormation to delete the previous resource.
        "PhysicalResourceId": request.get("PhysicalResourceId") or request["LogicalResourceId"],
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # The URL is signed for an empty content type. Repeating a PUT is harmless, so a lost answer is sent again.
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
