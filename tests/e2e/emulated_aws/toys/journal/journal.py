"""A toy function for event sources: writes down each event it is given, and fails where the records ask for it."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any


def handler(event: dict[str, Any], _context: object) -> Any:
    bodies = [json.loads(body) for body in _bodies(event)]
    _write({"event": event, "began": time.time()})
    for body in bodies:
        time.sleep(body.get("sleep", 0))
    if any(_fails(body) for body in bodies):
        raise RuntimeError("as asked for")
    _write({"ended": time.time()})
    return next((body["answer"] for body in bodies if "answer" in body), _failures(event))


def _bodies(event: dict[str, Any]) -> list[str]:
    """A Kafka record without a value asks for nothing: `{}`."""
    if "Records" in event:
        return [record["body"] for record in event["Records"]]
    partitions = event.get("records", {}).values()
    return [base64.b64decode(record.get("value", "e30=")).decode() for records in partitions for record in records]


def _fails(body: dict[str, Any]) -> bool:
    """Until a file is there; its absence is what is wrong with the world."""
    return "fails_without" in body and not Path(body["fails_without"]).exists()


def _failures(event: dict[str, Any]) -> dict[str, Any]:
    gives_back = [
        record["messageId"] for record in event.get("Records", []) if json.loads(record["body"]).get("give_back")
    ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in gives_back]}


def _write(line: dict[str, Any]) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(json.dumps(line) + "\n")
