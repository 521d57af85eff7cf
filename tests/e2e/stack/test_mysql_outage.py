"""MySQL is away while a message is with Feishu, for longer than its sender may run: the message is sent once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from local.servers.aws import Aws
from local.template.overrides import local_stage
from tests.e2e.stack.stack_processes import StackProcess, starting
from tests.e2e.stack.using_stack import calls, operator, post, published, until_shown
from tests.waiting import until

_USER = 7
#: A call of the local stage may take 1.5 s.
_FEISHU_SECONDS = 1.0


def test_what_mysql_could_not_take_is_written_down_later_and_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ends meanwhile, and claim waits for the report."""
    monkeypatch.delenv("DATABASE_URL", raising=False)  # only a MySQL of our own may be stopped
    longest = local_stage().send.timeout_seconds
    with starting("outage") as stack:
        stack.up()
        assert stack.hongyan("channel", "save", "--user", str(_USER)).returncode == 0
        slow = {"kind": "slow", "user_id": _USER, "delay": _FEISHU_SECONDS}
        post(f"{stack.endpoints()['feishu_url']}/_faults", slow)
        record_id = _sent_while_mysql_went_away(stack, longest)
        until_shown(stack, record_id, status="sent", attempt_count=1, outcome="delivered")
        until(lambda: not _reports(stack))
        assert _times_called(stack, record_id) == 1
        assert len(operator(stack).get(f"operate/records/{record_id}")["attempts"]) == 1


def _sent_while_mysql_went_away(stack: StackProcess, longest: float) -> int:
    """On a busy machine MySQL may be stopped only when the outcome is in it already: then there is another try."""
    for _ in range(5):
        record_id = published(stack, _USER)
        until(partial(_times_called, stack, record_id))
        with _mysql_stopped(stack):
            time.sleep(longest + 1)
            if _reports(stack):
                return record_id
    raise AssertionError("MySQL was never stopped while Feishu was answering")


@contextmanager
def _mysql_stopped(stack: StackProcess) -> Iterator[None]:
    """It keeps its connections and answers nobody."""
    (file,) = (stack.home / "up" / "mysql").glob("*/mysqld.pid")
    pid = int(file.read_text())
    assert pid in stack.processes()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _times_called(stack: StackProcess, record_id: int) -> int:
    return [call["notification_id"] for call in calls(stack)].count(record_id)


def _reports(stack: StackProcess) -> int:
    """How many messages the report queue holds, in whatever state."""
    endpoints = stack.endpoints()
    sqs = Aws(endpoint_url=endpoints["aws_endpoint_url"])
    client = sqs.session.client("sqs", endpoint_url=sqs.endpoint_url)
    counts = client.get_queue_attributes(QueueUrl=endpoints["queues"]["reports"], AttributeNames=["All"])["Attributes"]
    return sum(int(count) for name, count in counts.items() if name.startswith("ApproximateNumberOfMessages"))
