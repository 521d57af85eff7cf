"""All that each stage does in MySQL, as the user that it is given; root only prepares what the stage is to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, text

from delivery.aws.key_ring import KmsKeyRing
from delivery.domain.channel import Channel
from delivery.domain.operating import RecordFilter, RejectFilter
from delivery.domain.outcome import Delivered, Exchange
from delivery.domain.record import Pointer
from delivery.domain.relaying import Fate, Mark
from delivery.domain.saved_channel import LastTest
from delivery.domain.transition import Closing, after_attempt
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.ingest import Ingester
from delivery.operate import Redriver, Replayer
from delivery.resealing import Resealer, Rotation
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.claims import DueRecords
from delivery.storage.data_keys import DataKeys
from delivery.storage.operating.audited import Audit
from delivery.storage.operating.counting import RecordCounts
from delivery.storage.operating.redriving import Redrives
from delivery.storage.operating.rejected import Rejects
from delivery.storage.operating.resealing import Reseals
from delivery.storage.operating.searching import RecordSearch
from delivery.storage.outbox.relayed import Outbox
from delivery.storage.saved_channels import SavedChannels
from tests.integration.clock import Clock
from tests.integration.ingest.test_outages import add_outbox
from tests.integration.notifications import TOPIC, add_row, add_rows, asking_for, event, kafka
from tests.integration.prune.pruning import add_final, add_reject
from tests.integration.prune.pruning import add_outbox as add_old_outbox
from tests.integration.prune.pruning import prune as delete_old
from tests.integration.relay.outbox_rows import add as add_to_outbox
from tests.integration.sending import LEASE, PointerList, claim_all, ingester, recorder_store
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


def relay(root: Engine, own: Engine) -> None:
    """Two rows of a key of which the first is refused, a third that waits for it, and one that is published."""
    with root.begin() as connection:
        connection.execute(text("DELETE FROM notification_outbox_messages"))
    store, later = Outbox(engine=own), CLOCK() + LEASE
    assert store.oldest_pending_at() is None
    refused, published = add_to_outbox(root, CLOCK(), ["a", "b"])
    leased = store.lease_due(limit=10, now=CLOCK(), lease=LEASE)
    add_to_outbox(root, CLOCK(), ["a"])
    assert store.lease_due(limit=10, now=CLOCK(), lease=LEASE).blocked == 1
    marks = [
        Mark(row_id=refused, fate=Fate.REFUSED, retry_count=1, due_at=later, error="too large"),
        Mark(row_id=published, fate=Fate.PUBLISHED, retry_count=0),
    ]
    assert store.mark(marks, leased_until=leased.until, now=CLOCK()) == 2
    assert store.oldest_pending_at() == CLOCK()


def prune(root: Engine, own: Engine) -> None:
    """A row of every kind that is past its days, and a record with an attempt."""
    long_ago, number = CLOCK() - timedelta(days=1_000), next(_numbers)
    add_final(root, 1, ended=long_ago, tries=1)
    add_reject(root, number, came=long_ago)
    for status in ("consumed", "dead"):
        add_old_outbox(root, next(_numbers), status, ended=long_ago)
    assert min(delete_old(own, CLOCK).deleted.values()) == 1


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


def api(root: Engine, own: Engine) -> None:
    """What a user does with a channel, and an operator with records, rejects and keys."""
    _user(own)
    _look_up(root, own)
    _operate(root, own)


def _user(own: Engine) -> None:
    user, store = next(_numbers), channels(own)
    saved = SavedChannels(engine=own, channels=store)
    channel = Channel(user_id=user, channel=FLOW_WEBHOOK, enabled=True, webhook_url=WEBHOOK, bearer_token="t")
    for _ in range(2):
        store.save(channel, now=CLOCK())
    assert saved.write_test(user, FLOW_WEBHOOK, LastTest(status="success", error="", at=CLOCK()))
    found = saved.find(user, FLOW_WEBHOOK)
    assert found is not None
    assert found.settings == channel
    assert list(saved.of_user(user)) == [FLOW_WEBHOOK]
    assert saved.delete(user, FLOW_WEBHOOK)


def _look_up(root: Engine, own: Engine) -> None:
    user = next(_numbers)
    one = add_row(root, now=CLOCK(), user_id=user, status="dead", last_error_code="network_error", attempt_count=5)
    search, counts = RecordSearch(engine=own), RecordCounts(engine=own)
    assert search.page(RecordFilter(user_id=user, way="x", trigger_type="y")).rows == []
    assert search.page(RecordFilter(user_id=user, code="network_error")).rows[0]["id"] == one
    assert search.page(RecordFilter(created_from=CLOCK())).rows
    assert search.record(one)
    hour = timedelta(hours=1)
    assert counts.over_time(since=CLOCK() - hour, before=CLOCK() + hour, stretch=hour)
    assert counts.open_now()


def _operate(root: Engine, own: Engine) -> None:
    user, number, until = next(_numbers), next(_numbers), CLOCK() + timedelta(hours=1)
    ended = add_rows(root, 2, now=CLOCK(), user_id=user, status="dead", attempt_count=5)
    redriver = Redriver(store=Redrives(engine=own), attempts=5, now=CLOCK)
    assert redriver.some(ended, actor="ann", dry_run=True) == 2
    assert redriver.some(ended[:1], actor="ann") == 1
    assert redriver.run(RecordFilter(user_id=user), actor="ann", per_second=10, until=until).changed == 1
    add_outbox(root, CLOCK, **{f"o{number}": "published"})
    events = [
        kafka(event(f"replayed-{number}", envelope={"outbox_id": number}, target_url="/new/1"), offset=number),
        kafka(event(f"still-bad-{number}", user_id=0), offset=number),
    ]
    ingester(root, CLOCK, PointerList()).run(events)
    replayer = Replayer(store=Rejects(engine=own), ingester=_with_a_new_rule(own), now=CLOCK)
    done = replayer.run(RejectFilter(topic=TOPIC, replayed=False), actor="ann", until=until)
    assert done.accepted  # with those of a replay that was refused its mark
    assert done.still_rejected
    _keys(root, own, until)
    assert len(Audit(engine=own).page(size=5).rows) == 5


def _with_a_new_rule(own: Engine) -> Ingester:
    return replace(ingester(own, CLOCK, PointerList()), url_prefixes=("/new/",))


def _keys(root: Engine, own: Engine, until: datetime) -> None:
    ring = channels(own).keys
    assert isinstance(ring, KmsKeyRing)
    channels(root).save(
        Channel(user_id=next(_numbers), channel=FLOW_WEBHOOK, enabled=True, webhook_url=WEBHOOK), now=CLOCK()
    )
    assert Rotation(keys=ring).rotate(actor="ann")
    reseals = Reseals(engine=own, keys=ring)
    assert Resealer(store=reseals, now=CLOCK).run(actor="ann", until=until).changed > 0
    assert reseals.left(0) > 0


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


WORK: Mapping[str, Callable[[Engine, Engine], None]] = {
    "ingest": ingest,
    "claim": claim,
    "send": send,
    "prune": prune,
    "api": api,
    "relay": relay,
}
