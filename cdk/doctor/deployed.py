"""What runs after a deployment: event sources, functions, the schema, the topic, alarms and dead letters."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdk.doctor.account import Account, Answer
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.doctor.stacks import own_alarms
from cdk.settings.context import ROOT
from cdk.settings.stage import StageSettings

Outputs = Mapping[str, str]
_VERSIONS = ROOT / "layers" / "delivery" / "python" / "delivery" / "storage" / "migrations" / "versions"
#: Lambda's result for a source that has not read anything yet, and for one that works.
_WELL = ("OK", "No records processed", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The stage's delivery stack."""

    stage: StageSettings
    outputs: Outputs


def delivery(account: Account, stage: StageSettings) -> Delivery | None:
    stack = account.stack(f"{stage.full_name}-delivery")
    outputs = {it["OutputKey"]: str(it["OutputValue"]) for it in (stack or {}).get("Outputs", [])}
    return Delivery(stage=stage, outputs=outputs) if "IngestFunctionName" in outputs else None


def functions(account: Account, there: Delivery) -> Iterator[Finding]:
    for output, name in there.outputs.items():
        if output.endswith("FunctionName"):
            told = account.ask("lambda", "get_function_configuration", FunctionName=name)
            yield judged_function(output.removesuffix("FunctionName").lower(), told)


def judged_function(word: str, told: Answer) -> Finding:
    check, state = f"function {word}", str(told.get("State", "Active"))
    if state not in ("Active", "Inactive") or told.get("LastUpdateStatus") == "Failed":
        why = told.get("StateReason") or told.get("LastUpdateStatusReason") or state
        return fail(check, str(why), "mend what it names, then deploy again")
    return ok(check, state)


def kafka_source(account: Account, there: Delivery) -> Iterator[Finding]:
    found = _sources(account, there.outputs["IngestFunctionName"])
    yield judged_source([it for it in found if "Topics" in it], there.stage.kafka.topic)


def _sources(account: Account, function: str) -> list[Answer]:
    return account.every("lambda", "list_event_source_mappings", "EventSourceMappings", FunctionName=function)


def judged_source(found: Sequence[Answer], topic: str) -> Finding:
    check = "kafka source"
    source = next((it for it in found if topic in it["Topics"]), None)
    if source is None:
        others = ", ".join(topic for it in found for topic in it["Topics"]) or "nothing"
        return fail(check, f"ingest reads {others}, not {topic}", "deploy again")
    off = fail(check, f"is {source['State']}: nothing is read from Kafka", "enable it in ingest's triggers")
    return _judged_state(check, source, off=off, reads=topic, remedy=_remedy)


def queue_sources(account: Account, there: Delivery) -> Iterator[Finding]:
    """Checks both queues that send reads."""
    found = _sources(account, there.outputs["SendFunctionName"])
    for word, output, without in (
        ("send", "SendQueueUrl", "nothing is sent"),
        ("report", "ReportQueueUrl", "what MySQL could not take of an attempt is not written down"),
    ):
        queue = there.outputs[output].rpartition("/")[2]
        yield judged_queue_source(word, [it for it in found if it["EventSourceArn"].endswith(f":{queue}")], without)


def judged_queue_source(word: str, found: Sequence[Answer], without: str) -> Finding:
    """`without` says what fails while the queue is not read."""
    check = f"{word} queue source"
    if not found:
        return fail(check, f"send does not read the {word} queue: {without}", "deploy again")
    off = fail(check, f"is {found[0]['State']}: {without}", "enable it in send's triggers")
    return _judged_state(
        check, found[0], off=off, reads=f"the {word} queue", remedy=lambda _: "docs/runbook.md, SendErrors"
    )


def _judged_state(check: str, source: Answer, *, off: Finding, reads: str, remedy: Callable[[str], str]) -> Finding:
    """`off` is the finding for a disabled source."""
    state, last = str(source["State"]), str(source.get("LastProcessingResult", ""))
    if state in ("Disabled", "Disabling"):
        return off
    if last not in _WELL:
        return fail(check, f"is {state}, and its last result is: {last}", remedy(last))
    if state != "Enabled":
        return warn(check, f"is {state}", "wait some minutes: Lambda is still connecting it")
    return ok(check, f"Enabled, reads {reads}; last result: {last or 'none yet'}")


def _remedy(problem: str) -> str:
    """Chooses a remedy by AWS's "Troubleshooting Kafka event source mapping errors"."""
    words = problem.lower()
    if "auth" in words:
        return "the login is refused: IAM access control of the cluster, or user and rights of kafka.auth_secret_arn"
    if "topic" in words or "partition" in words:
        return "create the topic (docs/operations.md, The topic), or correct kafka.topic"
    if "connect" in words or "vpc" in words or "timeout" in words:
        return "the poller needs the brokers, and a way out to Lambda and STS: docs/operations.md, Before you deploy"
    return "docs/runbook.md, KafkaLag"


def schema(account: Account, there: Delivery) -> Iterator[Finding]:
    """Runs the migration, which changes nothing if the schema is current, and checks the revision."""
    answer, failed = account.invoke(there.outputs["MigrateFunctionName"], b"{}")
    yield judged_schema(json.loads(answer or b"{}"), newest(), failed=failed)


def newest() -> str:
    """The revision of this checkout's last migration, by the numbers of their files."""
    return max(it.name for it in _VERSIONS.glob("[0-9]*.py")).partition("_")[0]


def judged_schema(answer: Answer, wanted: str, *, failed: bool) -> Finding:
    if failed:
        why = str(answer.get("errorMessage", "no message"))
        return fail("schema", f"the migration failed: {why}", "mend what it names; docs/operations.md, Migrations")
    revision = answer.get("to")
    if revision != wanted:
        return warn(
            "schema", f"is at {revision}, this checkout at {wanted}", "deploy, if this checkout is the newer one"
        )
    return ok("schema", f"is at {revision}, as this checkout")


def topic(account: Account, there: Delivery) -> Iterator[Finding]:
    """Runs the topic function of a new cluster, which changes no existing topic. The source shows other clusters."""
    if name := there.outputs.get("TopicFunctionName"):
        answer, failed = account.invoke(name, b"{}")
        yield judged_topic(json.loads(answer or b"{}"), failed=failed)


def judged_topic(answer: Answer, *, failed: bool) -> Finding:
    if failed:
        why = str(answer.get("errorMessage", "no message"))
        return fail("topic", f"cannot be made: {why}", "docs/operations.md, The topic")
    return ok("topic", f"{answer.get('to')} partitions")


def alarms(account: Account, there: Delivery) -> Iterator[Finding]:
    yield from judged_alarms(own_alarms(account, there.stage))


def judged_alarms(found: Sequence[Answer]) -> Iterator[Finding]:
    if ringing := [it for it in found if it["StateValue"] == "ALARM"]:
        for it in ringing:
            word = str(it["AlarmName"]).rpartition("-")[2]
            yield fail(f"alarm {word}", f"ALARM: {it.get('StateReason', '')}".strip(), f"docs/runbook.md, {word}")
    else:
        yield ok("alarms", f"none of {len(found)} rings")


def dead_letters(account: Account, there: Delivery) -> Iterator[Finding]:
    for output, remedy in (
        ("DeadLetterQueueUrl", "docs/runbook.md, DeadLetters"),
        ("DeadReportQueueUrl", "docs/runbook.md, DeadReports: messages may come twice"),
    ):
        told = {"QueueUrl": there.outputs[output], "AttributeNames": ["ApproximateNumberOfMessages"]}
        number = int(account.ask("sqs", "get_queue_attributes", **told)["Attributes"]["ApproximateNumberOfMessages"])
        yield judged_queue(output.removesuffix("QueueUrl"), number, remedy)


def judged_queue(name: str, number: int, remedy: str) -> Finding:
    check = f"dead letters ({name})"
    return fail(check, f"{number} messages", remedy) if number else ok(check, "empty")
