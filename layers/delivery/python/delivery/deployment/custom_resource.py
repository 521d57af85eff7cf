"""Answers CloudFormation's custom resources: does what the request asks for and tells the deployment how it went."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from delivery.deployment.failure import DeploymentError

Status = Literal["SUCCESS", "FAILED"]

#: The longest that answering may take with retries. The work must end this long before the function's deadline.
ANSWER_SECONDS = 30
# The whole answer may have 4096 bytes. JSON may double the reason's length, and the other fields need room.
_REASON_BYTES = 1500
# The messages of these errors hold no credential. For any other error CloudFormation gets only the type.
_TELLABLE = (OSError, ClientError, BotoCoreError)


def is_request(event: Mapping[str, Any]) -> bool:
    return "ResponseURL" in event


def answer(
    request: Mapping[str, Any], work: Callable[[], object], *, on_failure: Callable[[Exception], object]
) -> None:
    """Does the work and answers whether or not it succeeded. A deletion does nothing: tables and topic stay.

    Raises:
        ConnectionError: CloudFormation did not take the answer. Lambda then invokes the function again.
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
    """The reason in one line for people, of limited length."""
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
        # The id never changes: a different one would tell CloudFormation to delete the previous resource.
        "PhysicalResourceId": request.get("PhysicalResourceId") or request["LogicalResourceId"],
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # The URL is signed for an empty content type. Repeating a PUT is harmless, so it is retried.
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
