"""Writes queue messages as the event that Lambda passes to a function, and reads the partial batch response."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mypy_boto3_sqs.type_defs import MessageTypeDef

from local.servers.aws import REGION


def sqs_event(records: Sequence[str]) -> bytes:
    return f'{{"Records":[{",".join(records)}]}}'.encode()


def sqs_record(message: MessageTypeDef, *, queue_arn: str) -> str:
    """A message as Lambda writes it."""
    return json.dumps(
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": REGION,
        }
    )


def failed_items(response: bytes, sent: Iterable[str]) -> set[str]:
    """The ids among `sent` that the function reports as failed; all of them when its response is malformed.

    Source: Lambda developer guide, "Implementing partial batch responses" for SQS, success and failure conditions.
    """
    ids = set(sent)
    try:
        failures = (json.loads(response or b"null") or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, AttributeError, KeyError, TypeError):
        return ids
    return ids if failed - ids else failed


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stringValue": value.get("StringValue"),
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
