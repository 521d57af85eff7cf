"""Cold starts: in a fresh interpreter, a function's import and first call, over importing its dependencies alone."""

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import first_call
from benchmarks.databases import Database, fresh_database
from benchmarks.figures import COLD_START, COLD_START_OF, Measured
from benchmarks.notifications import intake
from benchmarks.rounds import Turn, take_turns
from benchmarks.statements import MAX_ATTEMPTS
from delivery.storage.recording import Recorder
from local.servers.aws import Aws, aws_server
from local.servers.mysql import MySqlServer

_ROUNDS = 21


def measure(server: MySqlServer, state: Path) -> dict[str, Measured]:
    with fresh_database(server, "start") as database, aws_server(state / "aws") as aws:
        environment = {**os.environ, **aws.environment, **_settings(database, aws)}
        # pip compiled the dependencies when it installed them: our own modules may be compiled once as well.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        each = {word: _measure(word, _events(database)[word], environment) for word in COLD_START_OF}
    largest = max(each, key=lambda word: each[word].value)
    every = {COLD_START_OF[word].name: measured for word, measured in each.items()}
    return {COLD_START.name: Measured(value=each[largest].value, detail=f"the {largest} function"), **every}


def _measure(word: str, event: Callable[[], Mapping[str, Any]], environment: Mapping[str, str]) -> Measured:
    child = _Child(environment=environment)
    function = child.function(word, event)
    function()  # leaves the list of modules
    took = take_turns({"function": function, "imports": child.imports}, rounds=_ROUNDS)
    detail = f"{1000 * took['function']:.0f} ms over {1000 * took['imports']:.0f} ms"
    return Measured(value=took["function"] / took["imports"], detail=detail)


@dataclass(slots=True, kw_only=True)
class _Child:
    """Fresh interpreters, one for each turn."""

    environment: Mapping[str, str]
    modules: list[str] = field(default_factory=list)

    def function(self, word: str, event: Callable[[], Mapping[str, Any]]) -> Turn:
        def turn() -> float:
            said = self._run("function", word, json.dumps(event()))
            self.modules = said["modules"]
            return float(said["seconds"])

        return turn

    def imports(self) -> float:
        return float(self._run("imports", *self.modules)["seconds"])

    def _run(self, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, first_call.__file__, *arguments]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RuntimeError(f"{' '.join(arguments[:2])} failed in a fresh interpreter:\n{ended.stderr}")
        said: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return said


def _settings(database: Database, aws: Aws) -> Mapping[str, str]:
    """The environment that the functions find, with the secret, queue and key that it names."""
    name = f"bench-{uuid.uuid4().hex}"
    secret = json.dumps({"username": database.address.user, "password": database.address.password})
    secrets_manager = aws.session.client("secretsmanager", endpoint_url=aws.endpoint_url)
    sqs = aws.session.client("sqs", endpoint_url=aws.endpoint_url)
    kms = aws.session.client("kms", endpoint_url=aws.endpoint_url)
    return {
        "DATABASE_HOST": database.address.host,
        "DATABASE_PORT": str(database.address.port),
        "DATABASE_NAME": database.address.database,
        "DATABASE_SECRET_ARN": secrets_manager.create_secret(Name=name, SecretString=secret)["ARN"],
        "SEND_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"],
        "DATA_KEY_ARN": kms.create_key()["KeyMetadata"]["Arn"],
        "ACTION_BASE_URL": "https://smartflow.example",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "Hongyan",
    }


def _events(database: Database) -> Mapping[str, Callable[[], Mapping[str, Any]]]:
    """One unit of work for each function: an event to record, a due row to claim, a user without a channel."""
    recorder = Recorder(engine=database.engine)

    def due_row() -> dict[str, Any]:
        past = datetime.now(UTC) - timedelta(minutes=1)
        [pointer] = recorder.store(intake(1), now=past, handoff_at=past, max_attempts=MAX_ATTEMPTS).pointers
        return {"Records": [{"messageId": "1", "body": json.dumps({"v": 1, "pointers": [pointer]})}]}

    return {"ingest": _kafka_event, "claim": due_row, "send": due_row}


def _kafka_event() -> dict[str, Any]:
    payload = {
        "user_id": 7,
        "preview_id": "preview",
        "dedupe_key": uuid.uuid4().hex,
        "target_url": "/assistant/preview",
        "summary_text": "周三下午的评审与客户会议冲突",
        "requested_at": "2026-01-31T08:00:00+08:00",
    }
    value = json.dumps({"event_type": "notification.feishu.requested", "payload": payload}).encode()
    record = {"topic": "t", "partition": 0, "offset": 0, "value": base64.b64encode(value).decode(), "headers": []}
    return {"eventSource": "aws:kafka", "records": {"t-0": [record]}}
