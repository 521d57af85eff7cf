"""Sends one notification through the whole path, if somebody names a user for it.

Brokers cannot be reached from outside of their VPC, so the event goes to ingest as Lambda's poller would bring it; the
check of the Kafka source says whether the poller does. From there everything is real: MySQL, the queue, Feishu.
"""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cdk.doctor.account import Account, Answer
from cdk.doctor.deployed import Delivery
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.settings.stage import StageSettings

_CHECK = "test event"
_ASK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    user: int
    #: Cold starts in a new VPC take some seconds, and logs appear some seconds later.
    seconds: float = 90.0
    name: str = ""

    def named(self) -> "Trial":
        return Trial(user=self.user, seconds=self.seconds, name=f"doctor-{uuid.uuid4()}")


def sent_event(account: Account, there: Delivery, trial: Trial) -> Iterator[Finding]:
    trial = trial.named()
    began = int(time.time() * 1000)
    told = json.dumps(kafka_event(trial, there.stage, now=datetime.now(UTC))).encode()
    answer, failed = account.invoke(there.outputs["IngestFunctionName"], told)
    taken = judged_ingest(json.loads(answer or b"{}"), failed=failed)
    yield taken
    if taken.verdict == "ok":
        line = _awaited(lambda: _line(account, there.outputs["SendFunctionName"], trial, began), trial.seconds)
        yield judged_attempt(line, trial)


def kafka_event(trial: Trial, stage: StageSettings, *, now: datetime) -> Mapping[str, Any]:
    """The event that Lambda would pass to ingest ("Lambda with Apache Kafka", example event)."""
    topic, told = stage.kafka.topic, event(trial, stage.allowed_url_prefixes[0], now)
    value = base64.b64encode(json.dumps(told, ensure_ascii=False).encode()).decode()
    place = {"topic": topic, "partition": 0, "offset": 0, "timestampType": "CREATE_TIME"}
    record = {**place, "timestamp": int(now.timestamp() * 1000), "value": value, "headers": []}
    return {"eventSource": "aws:kafka", "bootstrapServers": "", "records": {f"{topic}-0": [record]}}


def event(trial: Trial, url_prefix: str, now: datetime) -> Mapping[str, Any]:
    return {
        "event_id": trial.name,
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "service_name": "notification",
        "aggregate_id": trial.name,
        "payload": {
            "user_id": trial.user,
            "preview_id": trial.name,
            "trigger_type": "doctor",
            "dedupe_key": trial.name,
            "target_url": f"{url_prefix}{trial.name}",
            "summary_text": "鸿雁部署检查：收到这条消息，说明整条链路正常。",
            "requested_at": now.isoformat(),
        },
    }


def judged_ingest(answer: Answer, *, failed: bool) -> Finding:
    check = f"{_CHECK}, ingest"
    if failed:
        why = str(answer.get("errorMessage", "no message"))
        return fail(check, f"ingest failed: {why}", "docs/runbook.md, IngestErrors")
    if answer.get("requested") != 1:
        remedy = "notification_rejects in MySQL says why: docs/runbook.md, Rejects"
        return fail(check, f"ingest recorded nothing: {json.dumps(answer)}", remedy)
    return ok(check, "recorded in MySQL, and its pointer is in the queue")


def judged_attempt(line: Answer | None, trial: Trial) -> Finding:
    check = f"{_CHECK}, send"
    if line is None:
        remedy = "look at send's log and at its queue; make doctor again shows alarms and dead letters"
        return fail(check, f"no attempt in send's log within {trial.seconds:.0f} s", remedy)
    if line["outcome"] == "sent":
        return ok(check, f"Feishu took it in {line.get('latency_ms')} ms; user {trial.user} has the message")
    if line["outcome"] == "skipped":
        remedy = "save the user's channel (docs/first-deployment.md), or name a user who has one"
        return warn(check, f"all works up to Feishu, but user {trial.user} is not reached: {line['reason']}", remedy)
    return fail(check, f"{line['outcome']}: {line['code']}: {line['reason']}", "docs/runbook.md, DeadNotifications")


def _line(account: Account, function: str, trial: Trial, began: int) -> Answer | None:
    """Waits for send's log line about the attempt."""
    told = account.ask("lambda", "get_function_configuration", FunctionName=function)
    group = told.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function}")
    # A quoted term matches literally, anywhere in the line ("Filter pattern syntax").
    found = account.every(
        "logs", "filter_log_events", "events", logGroupName=group, startTime=began, filterPattern=f'"{trial.name}"'
    )
    lines = [json.loads(it["message"]) for it in found if it["message"].startswith("{")]
    return next((it for it in lines if it.get("preview_id") == trial.name and "outcome" in it), None)


def _awaited(look: Callable[[], Answer | None], seconds: float) -> Answer | None:
    until = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < until:
        time.sleep(_ASK_SECONDS)
    return found
