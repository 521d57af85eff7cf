"""The wiring: each setting reaches the one place that it is meant for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from delivery.aws.send_telemetry import SendTelemetry
from delivery.aws.wiring import claim, ingest, prune, relay, send
from delivery.claim import ClaimPolicy
from delivery.deadline import ending_in
from delivery.prune import PrunePolicy
from delivery.send import SendPolicy
from tests.unit.aws.test_settings import BROKERS, DATABASE, QUEUE, REPORTS, SEND

#: No two of them are alike, so that none can stand in for another.
NUMBERS = {
    "LEASE_SECONDS": "601",
    "CLAIM_BATCH_SIZE": "502",
    "MAX_QUEUED_POINTERS": "20003",
    "HANDOFF_DEADLINE_SECONDS": "304",
    "MAX_ATTEMPTS": "6",
    "ALLOWED_URL_PREFIXES": "/one/,/two/",
    "SEND_CONCURRENCY": "33",
    "FEISHU_TIMEOUT_SECONDS": "7",
    "RETRY_BASE_SECONDS": "308",
    "RETRY_CAP_SECONDS": "1809",
    "RETRY_JITTER": "0.25",
    "RELAY_BATCH_SIZE": "510",
    "RELAY_LEASE_SECONDS": "71",
    "RECORD_DAYS": "91",
    "REJECT_DAYS": "62",
    "OUTBOX_DAYS": "8",
    "SET_SIZE": "1010",
    "PAUSE_SECONDS": "0.75",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (DATABASE | QUEUE | REPORTS | SEND | BROKERS | NUMBERS).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    made = (claim.claimer, ingest.ingester, prune.pruner, relay.relayer, send.sender, send._engine, send._reports)
    for one in made:
        one.cache_clear()
    yield
    for one in made:
        one.cache_clear()


def test_claim_leases_as_long_and_as_much_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And asks the report queue, not the send queue, whether outcomes wait."""
    held = {QUEUE["SEND_QUEUE_URL"]: 0, REPORTS["REPORT_QUEUE_URL"]: 1}
    monkeypatch.setattr(claim, "messages_in", lambda _sqs, url: held[url])
    one = claim.claimer()
    assert one.policy == ClaimPolicy(lease=timedelta(seconds=601), batch_size=502, max_queued=20_003)
    assert vars_of(one.queue, "url") == QUEUE["SEND_QUEUE_URL"]
    assert one.reports_wait()
    held[REPORTS["REPORT_QUEUE_URL"]] = 0
    assert not one.reports_wait()


def test_the_relay_leases_as_long_and_as_much_as_it_is_told() -> None:
    """Kafka's ten seconds, and two in which its client notices that they are over."""
    one = relay.relayer()
    assert (one.policy.batch_size, one.policy.lease) == (510, timedelta(seconds=71))
    assert one.policy.delivery_timeout == timedelta(seconds=12)


def test_ingest_hands_off_after_its_own_time() -> None:
    """It is no number of attempts, and prefixes are no other setting's."""
    one = ingest.ingester()
    assert (one.handoff_deadline, one.max_attempts) == (timedelta(seconds=304), 6)
    assert one.url_prefixes == ("/one/", "/two/")
    assert vars_of(one.queue, "url") == QUEUE["SEND_QUEUE_URL"]


def test_prune_keeps_each_kind_of_row_as_long_as_it_is_told() -> None:
    """An outbox row that is dead is kept as long as a reject."""
    one = prune.pruner()
    assert {it.rows.name: it.days for it in one.retentions} == {
        "records": 91,
        "rejects": 62,
        "outbox": 8,
        "outbox_dead": 62,
    }
    assert one.policy == PrunePolicy(set_size=1_010, pause=timedelta(milliseconds=750))


def test_the_pauses_of_prune_end_with_its_invocation() -> None:
    """A pause that is longer than the time that is left would be a time-out of Lambda's."""
    began = time.monotonic()
    with ending_in(0.01):
        prune.pruner().wait(timedelta(seconds=30))
    assert time.monotonic() - began < 10


def test_send_leases_calls_and_retries_as_it_is_told() -> None:
    """Its observer is the telemetry; its runs have a thread for each call."""
    one = send.sender()
    assert isinstance(one.policy, SendPolicy)
    assert (one.policy.lease, one.policy.concurrency) == (timedelta(seconds=601), 33)
    assert one.policy.call_timeout == timedelta(seconds=7)
    retry = one.policy.retry
    assert (retry.base, retry.cap, retry.jitter) == (timedelta(seconds=308), timedelta(seconds=1809), 0.25)
    assert isinstance(one.observer, SendTelemetry)
    assert vars_of(one.reports, "url") == REPORTS["REPORT_QUEUE_URL"]
    with one.threads() as threads:
        assert getattr(threads, "_max_workers") == 33  # noqa: B009 - it is the executor's own


def test_reports_are_closed_by_the_same_connection_and_told_by_the_telemetry() -> None:
    """One engine an instance, so that it has one connection."""
    closer = send.report_closer()
    assert isinstance(closer.observer, SendTelemetry)
    assert vars_of(closer.store, "engine") is vars_of(send.sender().attempts, "engine")


def vars_of(thing: object, name: str) -> object:
    return getattr(thing, name)
