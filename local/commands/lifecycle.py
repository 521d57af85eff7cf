"""`up`, `down`, `demo` and `status`."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import func, select

from delivery.storage.mysql.database import address_of, open_engine
from delivery.storage.tables import records
from local.endpoints_file import FILE_NAME, read_endpoints
from local.machine.file_lock import lock_holder
from local.machine.interrupts import Interrupted, wait_for_interrupt
from local.machine.processes import CannotStartError
from local.running_stack import Stack
from local.stack import StackOptions, local_stack

_END_WITHIN_SECONDS = 90.0
_ASK_AGAIN_SECONDS = 5.0


def up(options: StackOptions) -> int:
    """Runs until somebody ends it, which counts as a success."""
    with suppress(Interrupted), local_stack(options) as stack:
        stack.register_channel(user_id=1, webhook_url=stack.webhook_url("local-user-1"))
        options.say(_greeting(stack, options.home))
        wait_for_interrupt()
    options.say("hongyan: everything has ended")
    return 0


def demo(options: StackOptions) -> int:
    from local.demo import run_demo  # noqa: PLC0415 - rich is slow to import

    began = time.monotonic()
    with local_stack(options) as stack:
        return run_demo(stack, began=began)


def down(home: Path, *, say: Callable[[str], None]) -> int:
    """Ends the process that holds the checkout's lock, and waits until it and its servers are gone."""
    pid = lock_holder(home / "lock")
    if pid is None:
        say("hongyan: no local stack is up in this checkout")
        return 0
    say(f"hongyan: ending the local stack (pid {pid})")
    deadline = time.monotonic() + _END_WITHIN_SECONDS
    while lock_holder(home / "lock") == pid:
        if time.monotonic() > deadline:
            raise CannotStartError(f"pid {pid} has not ended after {_END_WITHIN_SECONDS:.0f} s; kill -9 {pid} ends it")
        _ask_to_end(pid, home / "lock")
    say("hongyan: it has ended")
    return 0


def _ask_to_end(pid: int, lock: Path) -> None:
    """Sends one signal and waits a little, because library code may swallow the signal's exception."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _ASK_AGAIN_SECONDS
    while lock_holder(lock) == pid and time.monotonic() < deadline:
        time.sleep(0.05)


def status(home: Path, *, say: Callable[[str], None]) -> int:
    """Exits with 1 if nothing runs, for scripts."""
    pid = lock_holder(home / "lock")
    if pid is None or not (home / FILE_NAME).exists():
        nothing = "hongyan: no local stack is up in this checkout"
        say(nothing if pid is None else f"hongyan: pid {pid} is starting or ending")
        return 1
    endpoints = read_endpoints(home)
    say(f"hongyan: a local stack is up (pid {pid})")
    for name, value in endpoints.items():
        say(f"  {name}: {', '.join(value) if isinstance(value, dict | list) else value}")
    for state, count in _records_by_status(endpoints["database_url"]).items():
        say(f"  records {state}: {count}")
    return 0


def _records_by_status(database_url: str) -> dict[str, int]:
    address = address_of(database_url)
    engine = open_engine(lambda: address)
    with engine.connect() as connection:
        rows = connection.execute(select(records.c.status, func.count()).group_by(records.c.status)).all()
    engine.dispose()
    return {row[0]: row[1] for row in rows}


def _greeting(stack: Stack, home: Path) -> str:
    servers = stack.servers
    return f"""
Hongyan is up. It ends with Ctrl-C here, or `make down` elsewhere.
  MySQL      {stack.database_url}  ({servers.mysql.program})
  Kafka      {stack.kafka_bootstrap_servers}  ({servers.kafka.program}), topic {stack.topic}
  AWS        {stack.aws.endpoint_url}  (moto)
  Feishu     {stack.feishu_url}  (simulator; its calls: curl {stack.feishu_url}/_calls)
  API        {stack.api_url}  (users' tokens by {stack.issuer_url})
  functions  {", ".join(stack.functions)}  (logs in {home}/up/log)
All of this is in {home / FILE_NAME}.

Publish an event for user 1, whose channel is the simulator, see what came of it, and count everything:
  .venv/bin/hongyan publish --user 1 --text "hello"
  .venv/bin/hongyan record 1
  .venv/bin/hongyan counts
hongyan finds this stack in this directory and below. For other clients of the API, and for hongyan elsewhere:
  export HONGYAN_URL={stack.api_url}
  export HONGYAN_TOKEN=$(.venv/bin/python -m local token --user 1 --operator)    # without --operator a user's own
Changed code or settings are used only after a restart: make down, then make up.
"""
