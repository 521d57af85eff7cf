"""`sam local` runs the functions in containers against the servers of a running stack."""

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from sqlalchemy import Connection, insert, select

from delivery.domain.record import CHANNEL_FEISHU
from delivery.feishu.flow_webhook import WEBHOOK_PATH
from delivery.storage.mysql.database import address_of, open_engine
from delivery.storage.tables import records
from local.home import HOME
from local.machine.ports import free_port
from local.servers.aws import Aws
from tests.e2e.stack.container_engine import IMAGE, engine, why_not
from tests.e2e.stack.stack_processes import StackProcess, starting
from tests.waiting import until

EVENTS = Path("tests/events")
#: longer than the tests: the stack's own claim leaves the rows to the one in the container
_NO_TICK_SECONDS = 3600


@pytest.fixture(scope="module")
def stack() -> Iterator[StackProcess]:
    """A stack that is up, beside an engine; both end with the tests."""
    if reason := why_not():
        pytest.skip(reason)
    with engine(HOME / "cache" / "sam"), starting("sam", minute_seconds=_NO_TICK_SECONDS) as stack:
        stack.up()
        yield stack
        assert stack.run("down").returncode == 0


def test_ingest_in_a_container_records_an_event_whose_pointer_the_senders_get(stack: StackProcess) -> None:
    """The row is in the stack's MySQL, the pointer was in its queue, and its Feishu was called."""
    invoked = stack.run("sam-invoke", "ingest", "--event", str(EVENTS / "ingest.json"), "--image", IMAGE)
    assert json.loads(invoked.stdout) == {"received": 1, "requested": 1, "rejected": 0}, invoked.stderr
    record = _row(stack, dedupe_key="1:schedule_conflict:preview-41")
    until(lambda: record["id"] in _called(stack))


def test_claim_in_a_container_hands_a_due_row_to_the_senders(stack: StackProcess) -> None:
    """Its pointer goes through the stack's queue to the stack's own sender."""
    record_id = _insert(stack, "due", user_id=1, due_in=timedelta(0))
    invoked = stack.run("sam-invoke", "claim", "--event", str(EVENTS / "claim.json"), "--image", IMAGE)
    assert json.loads(invoked.stdout)["claimed"] >= 1, invoked.stderr
    until(lambda: record_id in _called(stack))


def test_send_in_a_container_calls_feishu(stack: StackProcess, tmp_path: Path) -> None:
    """For a user whose channel names this machine as a container sees it."""
    record_id = _insert_for_containers(stack, "sent from a container")
    event = tmp_path / "send.json"
    event.write_text(json.dumps(_send_event(record_id)))
    command = ("sam-invoke", "send", "--event", str(event), "--image", IMAGE)
    until(lambda: _is_sent(stack.run(*command).stdout) and record_id in _called(stack))  # or too late to begin a call
    assert _row(stack, dedupe_key="sent from a container")["status"] == "sent"


def test_any_aws_client_can_invoke_what_sam_start_serves(stack: StackProcess) -> None:
    """By the functions' words, at the port that was asked for; and no container outlives it."""
    record_id = _insert_for_containers(stack, "sent by a client")
    with _started(stack) as client:
        event = json.dumps(_send_event(record_id)).encode()
        asked = {"FunctionName": "send", "Payload": event}
        until(lambda: _is_sent(client.invoke(**asked)["Payload"].read()) and record_id in _called(stack))
    assert subprocess.run(["docker", "ps", "-q"], capture_output=True, check=True).stdout == b""


def test_without_an_engine_one_line_says_what_to_use_instead(
    stack: StackProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing, and the URL that takes the same event."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    refused = stack.run("sam-invoke", "claim")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert refused.stderr.startswith("hongyan: SAM needs a container engine, and none answers here")
    assert refused.stderr.endswith(f"curl -d @tests/events/claim.json {stack.endpoints()['functions']['claim']}\n")


@pytest.mark.parametrize("command", [["sam-invoke", "claim"], ["sam-start"]])
def test_without_a_stack_one_line_says_make_up_first(command: list[str], tmp_path: Path) -> None:
    """Before anything is asked of an engine."""
    asked = [sys.executable, "-m", "local", "--home", str(tmp_path), *command]
    refused = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "hongyan: no local stack is up in this checkout; start one with: make up\n"


@contextmanager
def _started(stack: StackProcess) -> Iterator[Any]:
    """A client of `sam-start`, which ends with the block and exits as one that was interrupted."""
    port = free_port()
    command = [sys.executable, "-m", "local", "--home", str(stack.home), "sam-start", "--port", str(port)]
    with subprocess.Popen([*command, "--image", IMAGE], stderr=subprocess.DEVNULL) as sam:
        try:
            until(lambda: _listens(port), within=120)
            yield _lambda_client(port)
        finally:
            sam.terminate()
        assert sam.wait(60) == 130


def _lambda_client(port: int) -> Any:
    patient = Config(read_timeout=120, retries={"max_attempts": 0})
    aws = Aws(endpoint_url=f"http://127.0.0.1:{port}")
    return aws.session.client("lambda", endpoint_url=aws.endpoint_url, config=patient)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _insert_for_containers(stack: StackProcess, key: str) -> int:
    """A row that nobody else claims, of a user whose channel only a container can reach."""
    origin = next(it for it in stack.endpoints()["webhook_origins"] if "host.docker.internal" in it)
    saved = stack.hongyan("channel", "save", "--user", "7", "--webhook-url", f"{origin}{WEBHOOK_PATH}local-user-7")
    assert saved.returncode == 0, saved
    return _insert(stack, key, user_id=7, due_in=timedelta(hours=1))


def _insert(stack: StackProcess, key: str, *, user_id: int, due_in: timedelta) -> int:
    now = datetime.now(UTC).replace(tzinfo=None)
    words = dict.fromkeys(("trigger_id", "preview_id", "trigger_type", "target_type", "summary_text"), "container")
    row = {"channel": CHANNEL_FEISHU, "user_id": user_id, "dedupe_key": key, "target_id": 1, "created_at": now, **words}
    row |= {"target_url": "/assistant/container", "next_retry_at": now + due_in, "updated_at": now}
    with _connected(stack) as connection:
        connection.execute(insert(records).values(**row))
        connection.commit()
    return int(_row(stack, dedupe_key=key)["id"])


def _row(stack: StackProcess, *, dedupe_key: str) -> Any:
    with _connected(stack) as connection:
        return connection.execute(select(records).where(records.c.dedupe_key == dedupe_key)).mappings().one()


@contextmanager
def _connected(stack: StackProcess) -> Iterator[Connection]:
    address = address_of(stack.endpoints()["database_url"])
    engine = open_engine(lambda: address)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _send_event(record_id: int) -> dict[str, Any]:
    """The example's event with a pointer at this record."""
    event: dict[str, Any] = json.loads((EVENTS / "send.json").read_text())
    event["Records"][0]["body"] = json.dumps({"v": 1, "pointers": [[record_id, 0]]})
    return event


def _is_sent(answer: str | bytes) -> bool:
    """Or else its time was over after the cold start, and it gives the message back for the queue to deliver again."""
    failures = json.loads(answer)["batchItemFailures"]
    assert failures in (
        [],
        [{"itemIdentifier": json.loads((EVENTS / "send.json").read_text())["Records"][0]["messageId"]}],
    )
    return not failures


def _called(stack: StackProcess) -> list[int]:
    with urllib.request.urlopen(f"{stack.endpoints()['feishu_url']}/_calls", timeout=60) as answer:  # noqa: S310
        return [json.loads(line)["notification_id"] for line in answer.read().splitlines()]
