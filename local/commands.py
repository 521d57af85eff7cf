"""`up`, `down`, `demo` and `status`: a stack's options or home in, an exit code out."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import func, select

from delivery.storage.database import open_engine
from delivery.deployment.migrate import address_of
from delivery.storage.tables import records
from local.endpoints import FILE_NAME, read_endpoints
from local.machine.interrupts import Interrupted, wait_for_interrupt
from local.machine.lock import holder
from local.machine.processes import CannotStartError
from local.running import Stack
from local.stack import StackOptions, local_stack

_LONGEST_END_SECONDS = 90.0
_ASK_AGAIN_SECONDS = 5.0


def up(options: StackOptions) -> int:
    """Runs until somebody ends it, which is a success."""
    with suppress(Interrupted), local_stack(options) as stack:
        stack.register_channel(user_id=1, webhook_url=stack.webhook_url("local-user-1"))
        options.say(_welcome(stack, options.home))
        wait_for_interrupt()
    options.say("hongyan: everything is ended")
    return 0


def demo(options: StackOptions) -> int:
    from local.demo import run_demo  # noqa: PLC0415 - what it displays with is slow to import, and only needed here

    began = time.monotonic()
    with local_stack(options) as stack:
        return run_demo(stack, began=began)


def down(home: Path, *, say: Callable[[str], None]) -> int:
    """Ends the process that holds the checkout's lock, and waits for it: then nothing of it is left."""
    pid = holder(home / "lock")
    if pid is None:
        say("hongyan: no local stack is up in this checkout")
        return 0
    say(f"hongyan: ending the local stack (pid {pid})")
    deadline = time.monotonic() + _LONGEST_END_SECONDS
    while holder(home / "lock") == pid:
        if time.monotonic() > deadline:
            raise CannotStartError(f"pid {pid} has not ended after {_LONGEST_END_SECONDS:.0f} s; kill -9 {pid} ends it")
        _ask_to_end(pid, home / "lock")
    say("hongyan: it is ended")
    return 0


def _ask_to_end(pid: int, lock: Path) -> None:
    """Asked once in a while: library code may swallow the exception that the first signal becomes."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    patience = time.monotonic() + _ASK_AGAIN_SECONDS
    while holder(lock) == pid and time.monotonic() < patience:
        time.sleep(0.05)


def status(home: Path, *, say: Callable[[str], None]) -> int:
    """Exit code 1 when nothing runs, so that scripts can ask."""
    pid = holder(home / "lock")
    if pid is None or not (home / FILE_NAME).exists():
        say(
            "hongyan: no local stack is up in this checkout"
            if pid is None
            else f"hongyan: pid {pid} is starting or ending"
        )
        return 1
    endpoints = read_endpoints(home)
    say(f"hongyan: a local stack is up (pid {pid})")
    for name, value in endpoints.items():
        say(f"  {name}: {', '.join(value) if isinstance(value, dict) else value}")
    for state, count in _counts(endpoints["database_url"]).items():
        say(f"  records {state}: {count}")
    return 0


def _counts(database_url: str) -> dict[str, int]:
    address = address_of(database_url)
    engine = open_engine(lambda: address)
    with engine.connect() as connection:
        rows = connection.execute(select(records.c.status, func.count()).group_by(records.c.status)).all()
    engine.dispose()
    return {row[0]: row[1] for row in rows}


def _welcome(stack: Stack, home: Path) -> str:
    servers = stack.servers
    return f"""
Hongyan is up. It ends with Ctrl-C here, or `make down` elsewhere.
  MySQL      {stack.database_url}  ({servers.mysql.program})
  Kafka      {stack.kafka_bootstrap_servers}  ({servers.kafka.program}), topic {stack.topic}
  AWS        {stack.aws.endpoint_url}  (moto)
  Feishu     {stack.feishu_url}  (simulator; its calls: curl {stack.feishu_url}/_calls)
  functions  {", ".join(stack.functions)}  (logs in {home}/up/log)
All of this is in {home / FILE_NAME}.

Publish an event for user 1, whose channel is the simulator:
  .venv/bin/python -m local publish --user 1 --text "hello"
Read the record that it became:
  .venv/bin/python -m local show 1
"""
