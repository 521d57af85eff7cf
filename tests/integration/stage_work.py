"""All that each stage does in MySQL, as the user that it is given; root only prepares what the stage is to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, text

from delivery.aws.key_ring import KmsKeyRing
from delivery.domain.channel import Channel
from delivery.domain.outcome import Delivered, Exchange
from delivery.domain.record import Pointer
from delivery.domain.transition import Closing, after_attempt
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.claims import DueRecords
from delivery.storage.data_keys import DataKeys
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, asking_for, event, kafka
from tests.integration.sending import LEASE, PointerList, claim_all, ingester, recorder_store
from tests.integration.test_outages import add_outbox
from tests.unit.samples import EXACT_RETRY

CLOCK = Clock()
WEBHOOK = "https://www.feishu.cn/flow/api/trigger-webhook/abcd1234efgh5678"
_numbers = count(1)


def ingest(root: Engine, own: Engine) -> None:
    """New and known events, a poison record, a value that MySQL refuses, and both kinds of outbox rows."""
    good, poisoned = next(_numbers), next(_numbers)
    add_outbox(root, CLOCK, **{f"o{good}": "pending", f"o{poisoned}": "published"})
    known = kafka(event(f"known-{good}", envelope={"outbox_id": good}), offset=good)
    poison = kafka(event(f"bad-{good}", envelope={"outbox_id": poisoned}, user_id=0), offset=poisoned)
    for _ in range(2):
        report = ingester(own, CLOCK, PointerList()).run([known, poison])
        assert (report.received, report.published, sum(report.rejected.values())) == (2, 1, 1)
    assert recorder_store(own, CLOCK, asking_for(f"long-{good}", trace_id="x" * 200)).refused


def claim(root: Engine, own: Engine) -> None:
    """A due row, one whose sender died, and one whose attempts are used up."""
    with root.begin() as connection:
        connection.execute(text("DELETE FROM notification_records"))
    died = {"status": "sending", "attempt_count": 1}
    for columns in ({}, died, {**died, "attempt_count": 5}):
        add_row(root, now=CLOCK(), next_retry_at=CLOCK(), **columns)
    assert DueRecords(engine=own).oldest_due_at(now=CLOCK()) == CLOCK()
    assert len(claim_all(own, CLOCK, PointerList())) == 2
    assert DueRecords(engine=own).oldest_due_at(now=CLOCK()) is None


def send(root: Engine, own: Engine) -> None:
    """Opens an attempt, reads its channel with a sealed webhook, and closes it, twice as a late sender does."""
    user = next(_numbers)
    channels(root).save(
        Channel(user_id=user, channel=FLOW_WEBHOOK, enabled=True, webhook_url=WEBHOOK, bearer_token="t"),
        now=CLOCK(),
    )
    pointer = Pointer(add_row(root, now=CLOCK(), next_retry_at=CLOCK(), user_id=user), 0)
    [attempt] = Attempts(engine=own).open([pointer], now=CLOCK(), lease=LEASE)
    [found] = channels(own).of_records([pointer.record_id], [FLOW_WEBHOOK])[pointer.record_id]
    assert isinstance(found, Channel)
    assert (found.webhook_url, found.bearer_token) == (WEBHOOK, "t")
    outcome = Delivered(provider_message_id="1", exchange=Exchange(request={"a": 1}, response={"code": 0}))
    transition = after_attempt(attempt, outcome, EXACT_RETRY, CLOCK())
    closing = Closing(attempt=attempt, outcome=outcome, transition=transition, finished_at=CLOCK())
    assert Attempts(engine=own).close([closing]).won == {pointer.record_id}
    assert Attempts(engine=own).close([closing]).won == {pointer.record_id}


def channels(engine: Engine) -> Channels:
    """As a cold start makes them: the data key has to be read again."""
    keys = KmsKeyRing(kms=_kms(), kms_key="arn", stored=DataKeys(engine=engine), now=CLOCK)
    return Channels(engine=engine, keys=keys)


def _kms() -> Any:
    """A KMS that wraps nothing."""
    key = b"k" * 32
    return SimpleNamespace(
        decrypt=lambda **_: {"Plaintext": key, "KeyId": "arn"},
        generate_data_key=lambda **_: {"Plaintext": key, "CiphertextBlob": key},
    )


WORK: Mapping[str, Callable[[Engine, Engine], None]] = {"ingest": ingest, "claim": claim, "send": send}
