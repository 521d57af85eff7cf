"""Channels: credentials are unreadable at rest and outside their row; one user's damage is nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from delivery.domain.channel import Channel, Held, StoredChannel, UnreadableChannel
from delivery.domain.record import Pointer
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.credentials import CredentialError, KeyOutOfReach
from delivery.storage.tables import channels as table
from local.feishu import FeishuSimulator
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import add_row, row
from tests.integration.sending import send

URL = "https://www.feishu.cn/flow/api/trigger-webhook/abcd1234efgh5678"


def of_users(
    store: Channels, user_ids: Iterable[int], ways: Collection[str]
) -> Mapping[int, Collection[StoredChannel]]:
    """By user, what `of_records` finds for a record of each."""
    now = datetime.now(UTC)
    users = {add_row(store.engine, now=now, user_id=user_id): user_id for user_id in user_ids}
    return {users[record_id]: found for record_id, found in store.of_records(users, ways).items()}


class Keys:
    """A key ring without KMS."""

    def __init__(self) -> None:
        self.keys = {1: b"1" * 32, 2: b"2" * 32}
        self.newest = 1
        #: what keeps a key from being unwrapped, by its id
        self.away: dict[int, str] = {}

    def current(self) -> tuple[int, bytes]:
        return self.newest, self.keys[self.newest]

    def key(self, key_id: int) -> bytes:
        if key_id in self.away:
            raise KeyOutOfReach(self.away[key_id])
        if key_id not in self.keys:
            raise CredentialError(f"data key {key_id} is gone")
        return self.keys[key_id]


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def store(engine: Engine, keys: Keys) -> Channels:
    return Channels(engine=engine, keys=keys)


def channel(user_id: int, *, url: str = URL, token: str = "", enabled: bool = True) -> Channel:
    return Channel(user_id=user_id, channel=FLOW_WEBHOOK, enabled=enabled, webhook_url=url, bearer_token=token)


def stored(engine: Engine, user_id: int) -> Any:
    with engine.connect() as connection:
        return connection.execute(table.select().where(table.c.user_id == user_id)).one()


def write(engine: Engine, user_id: int, **columns: object) -> None:
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.user_id == user_id).values(**columns))


def add_go_row(engine: Engine, clock: Clock, user_id: int, **columns: object) -> None:
    """A row of the Go service: credentials in plain text."""
    now = clock().replace(tzinfo=None)
    plain = {"webhook_url": URL, "auth_type": "none", "bearer_token": "", "enabled": True}
    fixed = {"user_id": user_id, "channel": FLOW_WEBHOOK, "created_at": now, "updated_at": now}
    with engine.begin() as connection:
        connection.execute(table.insert(), {**fixed, **plain, **columns})


def test_a_saved_channel_is_read_as_it_was(engine: Engine, clock: Clock, store: Channels) -> None:
    """With a token and without; disabled ones too; a user without a channel is not in the answer."""
    saved = [channel(1, token="secret-token"), channel(2), channel(3, enabled=False)]
    for one in saved:
        store.save(one, now=clock())
    assert of_users(store, [1, 2, 3, 4], [FLOW_WEBHOOK]) == {one.user_id: [one] for one in saved}
    assert of_users(store, [1], ["another"]) == of_users(store, [], [FLOW_WEBHOOK]) == {}
    assert (stored(engine, 1).auth_type, stored(engine, 2).auth_type) == ("bearer", "none")


def test_only_the_ways_that_are_asked_for_are_read(engine: Engine, clock: Clock, store: Channels) -> None:
    """A user may have a channel for each."""
    both = [channel(1), replace(channel(1), channel="feishu_bot")]
    for one in both:
        store.save(one, now=clock())
    assert of_users(store, [1], [FLOW_WEBHOOK]) == {1: both[:1]}
    found = of_users(store, [1], [FLOW_WEBHOOK, "feishu_bot"])[1]
    assert {one.channel for one in found} == {FLOW_WEBHOOK, "feishu_bot"}


def test_credentials_are_sealed_at_rest(engine: Engine, clock: Clock, store: Channels) -> None:
    """Neither URL nor token, nor a part that would tell them, is in the row; nor are two equal ones stored equal."""
    for user_id in (1, 2):
        store.save(channel(user_id, token="secret-token"), now=clock())
    one, two = stored(engine, 1), stored(engine, 2)
    everything = "|".join(str(value) for value in one)
    assert not any(part in everything for part in ("feishu.cn", "abcd1234", "secret"))
    assert one.webhook_url.startswith("v1:1:")
    assert one.bearer_token.startswith("v1:1:")
    assert one.webhook_url != two.webhook_url


def test_a_value_copied_to_another_user_is_unreadable(engine: Engine, clock: Clock, store: Channels) -> None:
    """Or damaged, or sealed under a key that is gone; the users beside it are read all the same."""
    for user_id in range(1, 6):
        store.save(channel(user_id, token="secret-token"), now=clock())
    sealed = stored(engine, 1).webhook_url
    write(engine, 2, webhook_url=sealed)
    write(engine, 3, webhook_url=sealed[:-8])
    write(engine, 4, bearer_token=sealed.replace("v1:1:", "v1:9:"))
    found = of_users(store, range(1, 6), [FLOW_WEBHOOK])
    foreign = "the stored credential does not open for this user and channel"
    reasons = {2: foreign, 3: foreign, 4: "data key 9 is gone"}
    unreadable = {
        user_id: [UnreadableChannel(user_id=user_id, channel=FLOW_WEBHOOK, reason=reason)]
        for user_id, reason in reasons.items()
    }
    readable = {user_id: [channel(user_id, token="secret-token")] for user_id in (1, 5)}
    assert found == {**readable, **unreadable}


def test_an_unreadable_credential_ends_its_own_record_alone(engine: Engine, clock: Clock, store: Channels) -> None:
    """It cannot be sent, whatever is tried; the others of the same set are served."""
    with FeishuSimulator() as feishu:
        for user_id in (1, 2):
            store.save(channel(user_id, url=feishu.webhook_url(f"key-{user_id}")), now=clock())
        write(engine, 2, webhook_url=stored(engine, 1).webhook_url)
        ids = [add_row(engine, now=clock(), user_id=user_id) for user_id in (1, 2, 3)]
        pointers = [Pointer(record_id, 0) for record_id in ids]
        send(pointers, clock=clock, attempts=Attempts(engine=engine), channels=store, origin=feishu.url)
        assert [call.user_id for call in feishu.calls()] == [1]
    ends = [(row(engine, record_id).status, row(engine, record_id).last_error_code) for record_id in ids]
    assert ends == [("sent", None), ("dead", "credential_unreadable"), ("skipped", "recipient_missing")]


def test_rows_of_the_go_service_are_read_as_they_are(engine: Engine, clock: Clock, store: Channels) -> None:
    """Plain text, a token only where the row says bearer; saving seals them."""
    add_go_row(engine, clock, 1, auth_type="bearer", bearer_token=" plain-token ")
    add_go_row(engine, clock, 2, bearer_token="left over")
    found = of_users(store, [1, 2], [FLOW_WEBHOOK])
    assert found == {1: [channel(1, token="plain-token")], 2: [channel(2)]}
    store.save(channel(1), now=clock())
    assert stored(engine, 1).webhook_url.startswith("v1:1:")


def test_saving_again_keeps_the_last_test(engine: Engine, clock: Clock, store: Channels) -> None:
    """And the row's id and birth; everything else is as saved last."""
    store.save(channel(1, token="secret-token"), now=clock())
    tested_at = clock().replace(tzinfo=None)
    write(engine, 1, last_test_status="failed", last_test_error="why", last_test_at=tested_at)
    before = stored(engine, 1)
    store.save(channel(1, url=f"{URL}9", enabled=False), now=clock.move(minutes=1))
    after = stored(engine, 1)
    assert (after.last_test_status, after.last_test_error, after.last_test_at) == ("failed", "why", tested_at)
    assert (after.id, after.created_at, after.bearer_token, after.enabled) == (before.id, before.created_at, "", 0)
    assert after.updated_at > before.updated_at
    assert of_users(store, [1], [FLOW_WEBHOOK])[1] == [channel(1, url=f"{URL}9", enabled=False)]


def test_values_sealed_under_an_older_key_stay_readable(clock: Clock, store: Channels, keys: Keys) -> None:
    """A new data key is for what is saved from now on."""
    store.save(channel(1), now=clock())
    keys.newest = 2
    store.save(channel(2), now=clock())
    assert of_users(store, [1, 2], [FLOW_WEBHOOK]) == {1: [channel(1)], 2: [channel(2)]}


def test_the_channels_of_a_set_take_one_statement(engine: Engine, clock: Clock, store: Channels) -> None:
    """However many users it has."""
    for user_id in range(1, 41):
        store.save(channel(user_id), now=clock())
    ids = [add_row(engine, now=clock(), user_id=user_id) for user_id in range(1, 41)]
    with counted(engine) as counts:
        assert len(store.of_records(ids, [FLOW_WEBHOOK])) == 40
    assert counts["statements"] == 1


def test_two_records_of_one_user_are_both_reached(clock: Clock, store: Channels) -> None:
    """By record, and not by user, is how a sender asks."""
    store.save(channel(1), now=clock())
    first, second = (add_row(store.engine, now=clock(), user_id=1) for _ in range(2))
    assert store.of_records([first, second, 999], [FLOW_WEBHOOK]) == {first: [channel(1)], second: [channel(1)]}


def test_while_the_key_is_out_of_reach_plain_text_is_read_and_the_rest_is_held(
    engine: Engine, clock: Clock, store: Channels, keys: Keys
) -> None:
    """Nothing is wrong with the sealed ones. Rows of the Go service need no key."""
    store.save(channel(1), now=clock())
    keys.newest = 2
    store.save(channel(2), now=clock())
    add_go_row(engine, clock, 3)
    keys.away = {1: "KMS: ThrottlingException: slow down"}
    found = of_users(store, [1, 2, 3], [FLOW_WEBHOOK])
    held = Held(user_id=1, channel=FLOW_WEBHOOK, reason="KMS: ThrottlingException: slow down")
    assert found == {1: [held], 2: [channel(2)], 3: [channel(3)]}
