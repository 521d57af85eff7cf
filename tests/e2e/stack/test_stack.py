"""People use the local stack: `up`, `hongyan` and `down`, two side by side. Nothing is left behind when one ends."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from delivery.storage.mysql.database import address_of, open_engine
from hongyan.commands.publish import example_event
from tests.e2e.stack.stack_processes import StackProcess, all_gone, starting
from tests.e2e.stack.using_api import ask, ask_signed, forged, printed_token, token
from tests.e2e.stack.using_stack import calls, post, publish, published, until_shown
from tests.waiting import until


@pytest.fixture(scope="module")
def stack() -> Iterator[StackProcess]:
    """A stack that is up."""
    with starting("one") as stack:
        stack.up()
        yield stack


@pytest.fixture(scope="module")
def other() -> Iterator[StackProcess]:
    """Another one beside it, started by a user whose proxies and AWS profile change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        of_a_user(patch)
        with starting("two") as other:
            other.up()
            patch.undo()
            yield other


def recorded_as(said: str) -> int:
    found = re.search(r"^recorded as (\d+); see: hongyan record \1$", said, re.MULTILINE)
    assert found, said
    return int(found[1])


def made_old(stack: StackProcess, record_id: int) -> None:
    address = address_of(stack.endpoints()["database_url"])
    engine = open_engine(lambda: address)
    with engine.begin() as connection:
        for column in ("created_at", "updated_at"):
            aged = f"UPDATE notification_records SET {column} = {column} - INTERVAL 91 DAY WHERE id = %s"
            connection.exec_driver_sql(aged, (record_id,))
    engine.dispose()


def of_a_user(patch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        patch.setenv(name, "http://127.0.0.1:9")
    patch.setenv("AWS_PROFILE", "there-is-none")
    patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def test_an_event_becomes_a_record_that_is_sent(stack: StackProcess) -> None:
    """Kafka, ingest, MySQL, the queue, send, Feishu: with the commands that `up` prints."""
    said = stack.hongyan("publish", "--user", "1", "--text", "from a test")
    assert said.returncode == 0, said
    record_id = recorded_as(said.stdout)
    until_shown(stack, record_id, status="sent", outcome="delivered", way="feishu_webhook")
    assert "from a test" in stack.hongyan("record", str(record_id)).stdout
    assert [call["notification_id"] for call in calls(stack)].count(record_id) == 1
    assert " sent " in stack.hongyan("counts").stdout


def test_a_failed_attempt_is_made_again_by_the_scheduled_claim(stack: StackProcess) -> None:
    """Feishu fails once for this user, whose channel has a token."""
    saved = stack.hongyan("channel", "save", "--user", "2", "--bearer-token", "a-token")
    assert saved.returncode == 0, saved
    post(f"{stack.endpoints()['feishu_url']}/_faults", {"kind": "http_5xx", "user_id": 2, "first": 1})
    until_shown(stack, published(stack, 2), status="sent", attempt_count=2)


def test_publish_tells_of_a_reject_soon(stack: StackProcess) -> None:
    """Within a second, once ingest is warm; the best of a few, since the machine may be busy."""
    seconds = []
    for _ in range(5):
        produced: list[float] = []
        found = publish(stack, example_event(0, "x"), key="0", told=lambda _at, at=produced: at.append(monotonic()))  # type: ignore[misc]
        seconds.append(monotonic() - produced[0])
        assert (found.outcome, found.row["code"]) == ("rejected", "payload_invalid")
    assert min(seconds) < 1, seconds


def test_a_reject_is_told_shown_and_replayed(stack: StackProcess, tmp_path: Path) -> None:
    """With the code and the reason when it is published; its bytes are there; ingest rejects it again."""
    event = tmp_path / "event.json"
    event.write_bytes(example_event(0, "rejected"))
    told = stack.hongyan("publish", "--file", str(event))
    assert told.returncode == 1, told
    line = re.search(
        r"^rejected as payload_invalid: user_id: .*; see: hongyan reject (\d+)$", told.stdout, re.MULTILINE
    )
    assert line, told
    reject_id = line[1]
    listed = stack.hongyan("rejects", "--not-replayed", "--code", "payload_invalid").stdout
    assert re.search(rf"^ *{reject_id} ", listed, re.MULTILINE), listed
    shown = json.loads(stack.hongyan("reject", reject_id, "--json").stdout)
    assert base64.b64decode(shown["value"]["base64"]) == event.read_bytes()
    again = stack.hongyan("replay", reject_id)
    assert (again.returncode, again.stdout.splitlines()[0]) == (1, "0 rejects accepted")
    assert "payload_invalid: user_id: " in again.stdout


def test_publish_tells_what_a_repeated_event_met(stack: StackProcess, tmp_path: Path) -> None:
    """The record that has its dedupe key, and the record's status; an event of another service is passed over."""
    event = tmp_path / "event.json"
    event.write_bytes(example_event(1, "repeated"))
    record_id = recorded_as(stack.hongyan("publish", "--file", str(event)).stdout)
    until_shown(stack, record_id, status="sent")
    again = stack.hongyan("publish", "--file", str(event)).stdout
    assert f"repeated: record {record_id} has this dedupe key and is sent; " in again
    of_others = (
        example_event(1, "x").replace(b"notification.feishu.requested", b"paid").replace(b'"notification"', b'"orders"')
    )
    passed_over = stack.hongyan("publish", "--file", "-", stdin=of_others.decode())
    assert (passed_over.returncode, "passed over: " in passed_over.stdout) == (1, True)


def test_a_dead_record_is_found_and_redriven(stack: StackProcess) -> None:
    """Counted first, then done, and audited."""
    record_id = dead_record(stack, 25)
    listed = stack.hongyan("records", "--user", "25", "--status", "dead", "--json").stdout
    assert [json.loads(line)["id"] for line in listed.splitlines()] == [record_id]
    counted = stack.hongyan("redrive", "--user", "25", "--dry-run")
    assert counted.stdout == "would redrive 1 record; nothing was changed\n"
    post(f"{stack.endpoints()['feishu_url']}/_webhooks", {"key": "local-user-25"})
    done = stack.hongyan("redrive", "--user", "25", "--yes")
    assert (done.returncode, done.stdout) == (0, "made 1 record due again\n")
    until_shown(stack, record_id, status="sent", attempt_count=2)
    newest = json.loads(stack.hongyan("audit", "--limit", "1", "--json").stdout.splitlines()[0])
    assert (newest["action"], newest["count"], newest["filter"]) == ("redrive", 1, {"user_id": 25})


def test_a_channel_is_saved_tested_and_deleted(stack: StackProcess) -> None:
    """The test message arrives; without a channel it does not."""
    saved = stack.hongyan("channel", "save", "--user", "26", "--json")
    assert json.loads(saved.stdout)["configured"] is True
    assert stack.hongyan("channel", "test", "--user", "26").returncode == 0
    assert "last_test_status  success" in stack.hongyan("channel", "show", "--user", "26").stdout
    assert stack.hongyan("channel", "delete", "--user", "26", "--yes").stdout == "deleted\n"
    assert stack.hongyan("channel", "test", "--user", "26").returncode == 1


def test_a_channel_that_the_sender_would_refuse_is_not_saved(stack: StackProcess) -> None:
    """The message says what is allowed and where more can be allowed."""
    webhook = "https://www.feishu.cn/flow/api/trigger-webhook/key"
    refused = stack.hongyan("channel", "save", "--user", "3", "--webhook-url", webhook)
    assert (refused.returncode, refused.stdout) == (1, "")
    allowed = " or ".join(stack.endpoints()["webhook_origins"])
    assert refused.stderr == (
        f"hongyan: refused: wrong param type (40005); a webhook begins with {allowed}; "
        "webhook_origins in cdk.json, stages.local, allows others\n"
    )


def test_output_that_nobody_reads_is_no_error(stack: StackProcess) -> None:
    """As with `| head -1`."""
    command = f"{sys.executable} -m local --home '{stack.home}' status | true"
    piped = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], check=False, capture_output=True, text=True
    )
    assert (piped.returncode, piped.stderr) == (141, "")


def test_a_stack_that_is_older_than_the_code_says_so(stack: StackProcess, tmp_path: Path) -> None:
    """Its tables may lack a column, which would be a traceback."""
    (tmp_path / "endpoints.json").write_text(json.dumps({**stack.endpoints(), "schema": "an older one"}))
    refused = replace(stack, home=tmp_path).run("token", "--user", "1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "hongyan: the running local stack is older than this code: end it with `make down`, "
        "start it again with `make up`\n"
    )


def test_a_user_without_a_channel_is_skipped(stack: StackProcess) -> None:
    """And without Feishu being called."""
    record_id = published(stack, 99)
    until_shown(stack, record_id, status="skipped")
    assert record_id not in [call["notification_id"] for call in calls(stack)]


def test_every_function_can_be_invoked_at_the_url_that_is_announced(stack: StackProcess) -> None:
    """With an event of its own kind, and the answer of its handler."""
    functions = stack.endpoints()["functions"]
    assert functions.keys() == {"ingest", "claim", "send", "relay", "prune", "api"}
    assert post(functions["claim"], {}).keys() == {"claimed", "dead"}
    assert post(functions["ingest"], {"eventSource": "SelfManagedKafka", "records": {}})["received"] == 0
    assert post(functions["send"], {"Records": []}) == {"batchItemFailures": []}
    assert post(functions["prune"], {}) == {"records": 0, "rejects": 0, "outbox": 0, "outbox_dead": 0}


def test_prune_deletes_a_record_that_is_past_its_days_and_an_event_that_is_repeated_then_is_sent(
    stack: StackProcess,
) -> None:
    """By the function of the template, with the stage's days."""
    event = example_event(1, "once a quarter")
    found = publish(stack, event, key="1")
    until_shown(stack, record_id := int(found.row["id"]), status="sent")
    made_old(stack, record_id)
    assert post(stack.endpoints()["functions"]["prune"], {})["records"] == 1
    again = int(publish(stack, event, key="1").row["id"])
    until_shown(stack, again, status="sent")
    assert again != record_id
    assert {record_id, again} <= {call["notification_id"] for call in calls(stack)}


def test_the_endpoints_say_where_everything_is(stack: StackProcess) -> None:
    """For whatever client wants to use it."""
    endpoints = stack.endpoints()
    assert endpoints["database_url"].startswith("mysql+pymysql://")
    assert endpoints["topic"] == "smartflow.notification.outbox"
    assert endpoints.keys() == {
        *("database_url", "kafka_bootstrap_servers", "topic", "consumer_group", "aws_endpoint_url"),
        *("feishu_url", "webhook_origins", "api_url", "issuer_url", "queues", "functions", "schema"),
    }
    assert endpoints["queues"].keys() == {"send", "reports"}
    told = stack.run("status")
    assert told.returncode == 0
    assert endpoints["feishu_url"] in told.stdout


def test_a_user_has_a_channel_by_a_token(stack: StackProcess) -> None:
    """Their own: whoever has another token does not see it."""
    mine, another = printed_token(stack, 21), token(stack, 22)
    url = f"{stack.endpoints()['feishu_url']}/flow/api/trigger-webhook/local-user-21"
    saved = ask(stack, "PUT", "/channels/feishu", {"webhook_url": url, "user_id": 22}, token=mine)
    assert (saved.status, saved.json["status"], saved.json["data"]["configured"]) == (200, "10000", True)
    assert ask(stack, "GET", "/channels/feishu", token=mine).json["data"] == saved.json["data"]
    assert ask(stack, "GET", "/channels/feishu", token=another).json["data"]["configured"] is False
    until_shown(stack, published(stack, 21, "to whom the API saved"), status="sent")


def test_a_backend_speaks_for_a_user_by_its_signature(stack: StackProcess) -> None:
    """A token does not open its routes, nor does nothing at all."""
    url = f"{stack.endpoints()['feishu_url']}/flow/api/trigger-webhook/local-user-23"
    saved = ask_signed(stack, "PUT", "/users/23/channels/feishu", {"webhook_url": url})
    assert (saved.status, saved.json["data"]["configured"]) == (200, True)
    assert ask(stack, "GET", "/channels/feishu", token=token(stack, 23)).json["data"] == saved.json["data"]
    refused = ask(stack, "GET", "/users/23/channels/feishu", token=token(stack, 23, is_operator=True))
    assert (refused.status, refused.json) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": datetime.now(UTC) - timedelta(minutes=1)},
        {"aud": "somebody else"},
        {"algorithm": "HS256"},
        {"algorithm": "none"},
    ],
    ids=["expired", "for another audience", "by another algorithm", "unsigned"],
)
@pytest.mark.parametrize("path", ["/channels/feishu", "/operate/records"])
def test_a_token_that_is_not_right_opens_nothing(stack: StackProcess, path: str, changes: dict[str, Any]) -> None:
    """API Gateway answers in the function's place. The same token without the change gets in."""
    assert ask(stack, "GET", path, token=forged(stack)).status == 200
    refused = ask(stack, "GET", path, token=forged(stack, **changes))
    assert (refused.status, refused.json) == (401, {"message": "Unauthorized"})


def test_an_operator_redrives_a_dead_record_once(stack: StackProcess) -> None:
    """It is found by its user, and sent after the redrive; who is no operator may do neither."""
    record_id = dead_record(stack, 24)
    post(f"{stack.endpoints()['feishu_url']}/_webhooks", {"key": "local-user-24"})
    operator, body = printed_token(stack, 1, "--operator"), {"ids": [record_id]}
    assert ask(stack, "POST", "/operate/redrive", body, token=token(stack, 24)).status == 403
    listed = ask(stack, "GET", "/operate/records?user_id=24&status=dead", token=operator)
    assert [row["id"] for row in listed.json["data"]["items"]] == [record_id]
    assert ask(stack, "POST", "/operate/redrive", body, token=operator).json["data"]["changed"] == 1
    until_shown(stack, record_id, status="sent", attempt_count=2)
    assert ask(stack, "POST", "/operate/redrive", body, token=operator).json["data"]["changed"] == 0


def dead_record(stack: StackProcess, user_id: int) -> int:
    """Of a user whose flow wants a token that the channel does not have."""
    assert stack.hongyan("channel", "save", "--user", str(user_id)).returncode == 0
    control = f"{stack.endpoints()['feishu_url']}/_webhooks"
    post(control, {"key": f"local-user-{user_id}", "bearer_token": "a-token"})
    record_id = published(stack, user_id)
    until_shown(stack, record_id, status="dead", last_error_code="provider_auth_failed")
    return record_id


def test_a_second_stack_of_the_same_checkout_is_refused(stack: StackProcess) -> None:
    """In one line, with the pid and the way out."""
    refused = stack.run("up")
    assert refused.returncode == 1
    assert refused.stderr.startswith("hongyan: a local stack of this checkout is running; end it with: make down")
    assert f"(pid {stack.popen.pid} " in refused.stderr
    assert stack.endpoints()


def test_two_stacks_side_by_side_do_not_meet(stack: StackProcess, other: StackProcess) -> None:
    """Each has its own servers, and its own notifications."""
    theirs, ours = other.endpoints(), stack.endpoints()
    for name in ("database_url", "kafka_bootstrap_servers", "aws_endpoint_url", "feishu_url", "functions"):
        assert theirs[name] != ours[name]
    until_shown(other, published(other, 1, "only there"), status="sent")
    assert "only there" not in json.dumps(calls(stack))


def test_down_ends_a_stack_with_all_that_belongs_to_it(other: StackProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a client that comes afterwards is told what to do."""
    of_a_user(monkeypatch)
    processes = other.processes()
    assert len(processes) >= 8
    down = other.run("down")
    assert down.returncode == 0, down
    assert all_gone(processes)
    assert other.popen.wait(10) == 0
    assert other.endpoints() == {}
    refused = other.run("token", "--user", "1")
    assert refused.returncode == 1
    assert refused.stderr == "hongyan: no local stack is up in this checkout; start one with: make up\n"
    assert other.hongyan("records").stderr.endswith("or start the local stack with `make up`\n")


def test_a_killed_stack_leaves_nothing(stack: StackProcess) -> None:
    """SIGKILL gives no time to clean up: the kernel ends what it had started, the functions included.

    It is the last test here, because it kills the stack of the others.
    """
    assert stack.endpoints(), "it outlived the other one's end"
    processes = stack.processes()
    assert len(processes) >= 8
    stack.popen.kill()
    until(lambda: all_gone(processes))
    assert stack.run("status").returncode == 1
