"""Importing a function does nothing: no setting is read, no connection made, nothing built."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import socket, sys, threading
from types import SimpleNamespace

def forbidden(*arguments, **options):
    raise AssertionError("a connection at import")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = forbidden
from functions.{name}.handler import handler
from delivery.aws.wiring import {name} as wiring

assert threading.active_count() == 1, "a thread at import"
caches = [builder.cache_info() for builder in vars(wiring).values() if hasattr(builder, "cache_info")]
assert caches and not any(cache.currsize for cache in caches), "built at import"
print("imported", flush=True)
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="r",
    get_remaining_time_in_millis=lambda: 30_000,
)
handler({{"Records": [{{"messageId": "m", "body": '{{"v":1,"pointers":[[1,0]]}}'}}]}}, context)
"""


DATABASE = ("DATABASE_HOST", "DATABASE_NAME", "DATABASE_SECRET_ARN")
BROKERS = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_LOGIN")
TOPIC = ("KAFKA_CLUSTER_ARN", "KAFKA_TOPIC", "TOPIC_PARTITIONS")


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        *((name, DATABASE) for name in ("ingest", "claim", "send", "prune", "migrate")),
        ("topic", TOPIC),
        ("relay", (*DATABASE, *BROKERS)),
    ],
)
def test_a_function_reads_its_settings_at_its_first_call_and_not_at_import(name: str, needed: tuple[str, ...]) -> None:
    """In a fresh interpreter with an empty environment; the call then names every setting that is missing."""
    command = [sys.executable, "-c", _PROGRAM.format(name=name)]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("imported\n"), done.stderr
    assert done.returncode == 1
    for setting in needed:
        assert f"{setting}: " in done.stderr


@pytest.mark.parametrize("name", ["ingest", "claim", "send", "api"])
def test_the_garbage_collector_does_not_run_while_a_function_is_imported(name: str) -> None:
    """What is imported stays, and looking through all of it takes several hundredths of a cold start."""
    look = f"import gc, delivery; ran = gc.get_stats(); import functions.{name}.handler; print(gc.get_stats() == ran)"
    done = subprocess.run([sys.executable, "-c", look], env={}, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize(("name", "others"), [("send", "operating"), ("ingest", "outcome"), ("claim", "transition")])
def test_a_cold_start_imports_nothing_of_what_others_do(name: str, others: str) -> None:
    """The sender knows nothing of operators; ingest and claim, nothing of how an attempt ends."""
    look = f"import sys, functions.{name}.handler; print('delivery.domain.{others}' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], env={}, capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr
