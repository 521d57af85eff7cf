"""After a deployment: each fault of what runs is one line that names it. The stage is rehearsed in what a team has."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from sqlalchemy import create_engine, make_url, text

from cdk.doctor.account import Account
from cdk.doctor.checks import examination
from cdk.doctor.deployed import newest
from cdk.doctor.finding import Finding
from cdk.doctor.trial import Trial
from cdk.settings.context import ROOT, merged, own_context
from local.rehearse.run import Rehearsal, greeting, rehearsed
from tests.infra.doctor.accounts import EXISTING, bad
from tests.infra.templates import RDS

WHERE = {"account": "111111111111", "region": "eu-west-1"}
TOPIC = {"topic_arn": "arn:aws:sns:eu-west-1:111111111111:operations"}
STAGES = merged(own_context(), {"stages": {"dev": {**EXISTING, **WHERE, "alarms": TOPIC}}})["stages"]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    rehearsal: Rehearsal
    account: Account
    said: list[str]

    @property
    def outputs(self) -> Mapping[str, str]:
        return self.rehearsal.stacks[-1].outputs

    def examined(self, trial: Trial | None = None) -> list[Finding]:
        return list(examination(self.account, self.rehearsal.stage, trial))

    def sql(self, statement: str) -> list[Any]:
        mysql = self.rehearsal.account.mysql.with_database(self.rehearsal.stage.database.name)
        engine = create_engine(mysql)
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            rows = [tuple(it) for it in result] if result.returns_rows else []
        engine.dispose()
        return rows


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    home, said = tmp_path_factory.mktemp("rehearsal"), list[str]()
    (home / "cache").symlink_to(ROOT / ".local" / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        with rehearsed("dev", STAGES, home=home, say=said.append) as rehearsal:
            for name, value in rehearsal.account.environment.items():
                patch.setenv(name, value)
            account = Account(session=boto3.Session(), region=rehearsal.account.aws.region)
            yield Deployed(rehearsal=rehearsal, account=account, said=said)


def test_a_rehearsal_says_what_was_there_beforehand_and_how_far_it_is(deployed: Deployed) -> None:
    """With the time since it began; the account and region are those of the settings."""
    said = "\n".join(deployed.said)
    assert "account 111111111111, eu-west-1" in said
    assert f"there beforehand: secrets: {RDS['secret_arn']}" in said
    assert "there beforehand: VPC: vpc-0a0a0a0a" in said
    (stack,) = deployed.rehearsal.stacks
    assert (stack.name, stack.status) == ("hongyan-dev-delivery", "CREATE_COMPLETE")
    assert f"hongyan-dev-delivery: {stack.resources} of {stack.resources} resources, last " in said
    assert deployed.said[-1] == "deployed"


def test_a_rehearsal_ends_with_what_there_is_to_look_at(deployed: Deployed) -> None:
    """Each output of ours, and the variables of AWS's tools."""
    told = greeting(deployed.rehearsal)
    for name, value in deployed.outputs.items():
        assert f"    {name} = {value}" in told
    environment = deployed.rehearsal.account.environment
    assert all(f"{name}={value}" in told for name, value in environment.items())
    assert "make doctor STAGE=dev" in told


def test_a_deployment_that_works_has_nothing_to_mend(deployed: Deployed) -> None:
    """The migration's answer, the source, alarms and queues are looked at."""
    found = deployed.examined()
    assert bad(found) == []
    told = {it.check: it.found for it in found}
    assert told["schema"] == f"is at {newest()}, as this checkout"
    assert told["kafka source"].startswith("Enabled, reads smartflow.notification.outbox; last result: No records")
    for word in ("send", "report"):
        assert told[f"{word} queue source"] == f"Enabled, reads the {word} queue; last result: none yet"
    assert {"function ingest", "function claim", "function send", "alarms", "stack hongyan-dev-delivery"} <= told.keys()


def disabled_sources(function: str, queue: str = "") -> Callable[[Deployed], Any]:
    """Of a function, all or the one that reads a queue; both are named by outputs."""

    @contextmanager
    def fault(deployed: Deployed) -> Iterator[None]:
        found = sources(deployed, function, queue)
        enable(deployed, found, enabled=False)
        yield
        enable(deployed, found, enabled=True)

    return fault


def deleted_source(queue: str) -> Callable[[Deployed], Any]:
    @contextmanager
    def fault(deployed: Deployed) -> Iterator[None]:
        (only,) = sources(deployed, "SendFunctionName", queue)
        deployed.account.client("lambda").delete_event_source_mapping(UUID=only["UUID"])
        yield
        told = {name: only[name] for name in ("EventSourceArn", "BatchSize", "FunctionResponseTypes")}
        function = deployed.outputs["SendFunctionName"]
        deployed.account.client("lambda").create_event_source_mapping(FunctionName=function, **told)

    return fault


def sources(deployed: Deployed, function: str, queue: str = "") -> list[Any]:
    told = {"FunctionName": deployed.outputs[function]}
    found = deployed.account.every("lambda", "list_event_source_mappings", "EventSourceMappings", **told)
    if not queue:
        return found
    name = deployed.outputs[queue].rpartition("/")[2]
    return [it for it in found if it["EventSourceArn"].rpartition(":")[2] == name]


def enable(deployed: Deployed, found: Sequence[Mapping[str, Any]], *, enabled: bool) -> None:
    for it in found:
        deployed.account.client("lambda").update_event_source_mapping(UUID=it["UUID"], Enabled=enabled)


@contextmanager
def ringing_alarm(deployed: Deployed) -> Iterator[None]:
    told = {"AlarmName": "hongyan-dev-KafkaLag", "StateReason": "Threshold Crossed"}
    deployed.account.client("cloudwatch").set_alarm_state(**told, StateValue="ALARM")
    yield
    deployed.account.client("cloudwatch").set_alarm_state(**told, StateValue="OK")


def dead_letter(output: str) -> Callable[[Deployed], Any]:
    @contextmanager
    def fault(deployed: Deployed) -> Iterator[None]:
        client, url = deployed.account.client("sqs"), deployed.outputs[output]
        client.send_message(QueueUrl=url, MessageBody="dead")
        yield
        client.purge_queue(QueueUrl=url)

    return fault


@contextmanager
def wrong_login(deployed: Deployed) -> Iterator[None]:
    secrets = deployed.account.client("secretsmanager")
    before = secrets.get_secret_value(SecretId=RDS["secret_arn"])["SecretString"]
    wrong = json.dumps({"username": "nobody", "password": "wrong"})
    secrets.put_secret_value(SecretId=RDS["secret_arn"], SecretString=wrong)
    yield
    secrets.put_secret_value(SecretId=RDS["secret_arn"], SecretString=before)


@contextmanager
def newer_schema(deployed: Deployed) -> Iterator[None]:
    deployed.sql("UPDATE alembic_version SET version_num = '9999'")
    yield
    deployed.sql(f"UPDATE alembic_version SET version_num = '{newest()}'")


@pytest.mark.parametrize(
    ("fault", "verdict", "check", "found", "remedy"),
    [
        (
            disabled_sources("IngestFunctionName"),
            "fail",
            "kafka source",
            "is Disabled: nothing is read from Kafka",
            "enable it in ingest's",
        ),
        (
            disabled_sources("SendFunctionName", "SendQueueUrl"),
            "fail",
            "send queue source",
            "is Disabled: nothing is sent",
            "enable it in send's triggers",
        ),
        (
            disabled_sources("SendFunctionName", "ReportQueueUrl"),
            "fail",
            "report queue source",
            "is Disabled: what MySQL could not take of an attempt",
            "enable it in send's triggers",
        ),
        (
            deleted_source("SendQueueUrl"),
            "fail",
            "send queue source",
            "send does not read the send queue: nothing is sent",
            "deploy again",
        ),
        (ringing_alarm, "fail", "alarm KafkaLag", "ALARM: Threshold Crossed", "docs/runbook.md, KafkaLag"),
        (
            dead_letter("DeadLetterQueueUrl"),
            "fail",
            "dead letters (DeadLetter)",
            "1 messages",
            "docs/runbook.md, DeadL",
        ),
        (
            dead_letter("DeadReportQueueUrl"),
            "fail",
            "dead letters (DeadReport)",
            "1 messages",
            "messages may come twic",
        ),
        (wrong_login, "fail", "schema", "the migration failed", "docs/operations.md, Migrations"),
        (newer_schema, "warn", "schema", f"is at 9999, this checkout at {newest()}", "deploy, if this checkout is"),
    ],
)
def test_a_fault_of_what_runs_is_one_line(
    fault: Callable[[Deployed], Any], verdict: str, check: str, found: str, remedy: str, deployed: Deployed
) -> None:
    with fault(deployed):
        told = bad(deployed.examined())
    (only,) = told
    assert (only.verdict, only.check) == (verdict, check)
    assert found in only.found
    assert remedy in only.remedy
    assert bad(deployed.examined()) == []


def test_the_script_of_the_first_deployment_saves_a_channel(deployed: Deployed, tmp_path: Path) -> None:
    """As docs/first-deployment.md has it; a second time it changes the URL."""
    script = tmp_path / "channel.py"
    page = (ROOT / "docs" / "first-deployment.md").read_text()
    script.write_text(page.partition("```python\n")[2].partition("```")[0])
    mysql = make_url(deployed.rehearsal.account.mysql.url)
    place = {"HOST": str(mysql.host), "PORT": str(mysql.port), "SECRET_ARN": RDS["secret_arn"]}
    database = {"DATABASE": deployed.rehearsal.stage.database.name}
    for key in ("old", "new"):
        url = f"https://www.feishu.cn/flow/api/trigger-webhook/{key}"
        command = [sys.executable, str(script), "7", url]
        said = subprocess.check_output(command, env={**os.environ, **place, **database}, text=True)
        assert said == "user 7 is reached\n"
        assert deployed.sql("SELECT user_id, enabled, webhook_url FROM user_notification_channels") == [(7, 1, url)]


def test_a_test_event_goes_through_the_deployed_code_up_to_a_user_who_is_not_reached(deployed: Deployed) -> None:
    """Ingest records it in MySQL, moto gives the queue's pointer to send, and send closes it without Feishu."""
    recorded, attempt = deployed.examined(Trial(user=4_711, seconds=300))[-2:]
    assert (recorded.verdict, recorded.check) == ("ok", "test event, ingest")
    assert (attempt.verdict, attempt.check) == ("warn", "test event, send")
    assert "all works up to Feishu, but user 4711 is not reached" in attempt.found


def test_a_test_event_that_nobody_sends_is_missed(deployed: Deployed) -> None:
    """Send's sources are disabled, so its log has no line about the event."""
    with disabled_sources("SendFunctionName")(deployed):
        missed = deployed.examined(Trial(user=4_711, seconds=1))[-1]
    assert (missed.verdict, missed.check) == ("fail", "test event, send")
    assert missed.found == "no attempt in send's log within 1 s"
