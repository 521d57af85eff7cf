"""MySQL is away while a message is with Feishu, for longer than its sender may run: the message is sent once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.commands.show import show
from local.servers.aws import Aws
from local.template.overrides import local_stage
from tests.e2e.stack_processes import StackProcess, starting
from tests.e2e.using_stack import calls, post, published, until_shown
from tests.waiting import until

_USER = 7
#: MySQL has to be stopped within it, and it has to fit into the two seconds that a call takes on the local stage.
_FEISHU_SECONDS = 1.3


def test_what_mysql_could_not_take_is_written_down_later_and_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ends meanwhile, and claim waits for the report."""
    monkeypatch.delenv("DATABASE_URL", raising=False)  # only a MySQL of our own may be stopped
    longest = local_stage().send.timeout_seconds
    with starting("outage") as stack:
        stack.up()
        stack.run("channel", "--user", str(_USER)).check_returncode()
        slow = {"kind": "slow", "user_id": _USER, "delay": _FEISHU_SECONDS}
        post(f"{stack.endpoints()['feishu_url']}/_faults", slow)
        record_id = published(stack, _USER)
        until(lambda: calls(stack))
        with _mysql_stopped(stack):
            stopped = time.monotonic()
            until(lambda: _reports(stack))
            time.sleep(max(0.0, longest + 1 - (time.monotonic() - stopped)))
        until_shown(stack, record_id, status="sent", attempt_count="1", outcome="delivered")
        until(lambda: not _reports(stack))
        assert [call["notification_id"] for call in calls(stack)] == [int(record_id)]
        assert _attempts(stack, record_id) == 1


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


def _reports(stack: StackProcess) -> int:
    """How many messages the report queue holds, in whatever state."""
    endpoints = stack.endpoints()
    sqs = Aws(endpoint_url=endpoints["aws_endpoint_url"])
    client = sqs.session.client("sqs", endpoint_url=sqs.endpoint_url)
    counts = client.get_queue_attributes(QueueUrl=endpoints["queues"]["reports"], AttributeNames=["All"])["Attributes"]
    return sum(int(count) for name, count in counts.items() if name.startswith("ApproximateNumberOfMessages"))


def _attempts(stack: StackProcess, record_id: str) -> int:
    said: list[str] = []
    show(stack.endpoints(), int(record_id), say=said.append)
    return said.count("")
