"""Keys: a new one seals from its making on, and what older ones sealed is sealed anew, users first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from delivery.aws.key_ring import KmsKeyRing
from delivery.domain.channel import Channel
from delivery.resealing import Resealer, Rotation
from delivery.storage import credentials
from delivery.storage.channels import Channels
from delivery.storage.credentials import KeyOutOfReach
from delivery.storage.data_keys import DataKeys
from delivery.storage.operating import resealing
from delivery.storage.operating.resealing import Reseals
from tests.integration.clock import Clock
from tests.integration.credentials.test_channels import Keys, channel, of_users
from tests.integration.operating.operators import audited

HOUR = timedelta(hours=1)
GO_URL = "https://www.feishu.cn/flow/api/trigger-webhook/FromTheGoService"


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def store(engine: Engine, keys: Keys) -> Channels:
    return Channels(engine=engine, keys=keys)


def resealer(engine: Engine, clock: Clock, keys: Keys) -> Resealer:
    return Resealer(store=Reseals(engine=engine, keys=keys), now=clock)


def stored(engine: Engine) -> dict[int, Any]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM user_notification_channels").all()
    return {row.user_id: row for row in found}


def change(engine: Engine, user_id: int, **columns: str) -> None:
    assigned = ", ".join(f"{name} = %({name})s" for name in columns)
    with engine.begin() as connection:
        statement = f"UPDATE user_notification_channels SET {assigned} WHERE user_id = %(user_id)s"
        connection.exec_driver_sql(statement, {**columns, "user_id": user_id})


def prefixes(engine: Engine) -> dict[int, tuple[str, str]]:
    return {user_id: (row.webhook_url[:5], row.bearer_token[:5]) for user_id, row in stored(engine).items()}


def test_what_was_saved_before_is_sealed_under_the_newest_key(
    engine: Engine, clock: Clock, keys: Keys, store: Channels
) -> None:
    """Plain text of the Go service, tokens, disabled channels; they read as before, and only what is damaged stays."""
    for saved in (channel(1, token="t"), channel(2, enabled=False), channel(3), channel(4), channel(5)):
        store.save(saved, now=clock())
    change(engine, 3, webhook_url=GO_URL, auth_type="bearer", bearer_token="plain")
    change(engine, 4, webhook_url="v1:1:damaged", last_test_status="ok")
    change(engine, 5, webhook_url="")
    keys.newest = 2
    store.save(channel(6), now=clock())
    before, read = stored(engine), of_users(store, range(1, 7), ["feishu_webhook"])
    clock.move(hours=1)
    done = resealer(engine, clock, keys).run(actor="ann", until=clock() + HOUR)
    assert (done.changed, done.unreadable, done.next) == (3, 1, None)
    sealed, none = "v1:2:", ""
    assert prefixes(engine) == {
        1: (sealed, sealed),
        2: (sealed, none),
        3: (sealed, sealed),
        4: ("v1:1:", none),
        5: (none, none),
        6: (sealed, none),
    }
    assert of_users(store, range(1, 7), ["feishu_webhook"]) == read
    after = stored(engine)
    assert all(after[user].updated_at == before[user].updated_at for user in before)
    assert (after[4], after[6]) == (before[4], before[6])
    again = resealer(engine, clock, keys).run(actor="ann", until=clock() + HOUR)
    assert ((again.changed, again.unreadable), stored(engine)) == ((0, 1), after)
    assert audited(engine) == [("ann", "reseal", 0), ("ann", "reseal", 3)]


def test_a_value_of_the_go_service_may_have_blanks_around_it(
    engine: Engine, clock: Clock, keys: Keys, store: Channels
) -> None:
    """They are kept: sealing changes nothing but the form."""
    store.save(channel(1), now=clock())
    change(engine, 1, webhook_url=f" {GO_URL}\n")
    resealer(engine, clock, keys).run(actor="ann", until=clock() + HOUR)
    [[found]] = of_users(store, [1], ["feishu_webhook"]).values()
    assert isinstance(found, Channel)
    assert found.webhook_url == GO_URL


def test_it_goes_on_where_its_time_was_up(
    engine: Engine, clock: Clock, keys: Keys, store: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer says behind which channel to go on, and how many are left."""
    monkeypatch.setattr("delivery.resealing._SET", 10)
    for user_id in range(1, 26):
        store.save(channel(user_id), now=clock())
    keys.newest = 2
    one, lefts = resealer(engine, clock, keys), list[int]()
    begin: int | None = 0
    while begin is not None:
        done = one.run(actor="ann", until=clock(), begin=begin)
        lefts.append(done.left)
        begin = done.next
    assert (lefts, {prefix for prefix, _ in prefixes(engine).values()}) == ([15, 5, 0], {"v1:2:"})
    assert [number for _, _, number in audited(engine)] == [5, 10, 10]


@pytest.mark.parametrize("saved", [GO_URL.lower(), "https://www.feishu.cn/flow/api/trigger-webhook/another"])
def test_what_a_user_saves_meanwhile_wins(
    engine: Engine,
    another_engine: Callable[[], Engine],
    clock: Clock,
    keys: Keys,
    store: Channels,
    monkeypatch: pytest.MonkeyPatch,
    saved: str,
) -> None:
    """Byte for byte, even if only the case of a letter differs, as the Go service may still write it."""
    store.save(channel(1), now=clock())
    change(engine, 1, webhook_url=GO_URL)
    user, seal = another_engine(), credentials.seal

    def save_and_seal(credential: str, **terms: Any) -> str:
        change(user, 1, webhook_url=saved)
        return seal(credential, **terms)

    monkeypatch.setattr(resealing, "seal", save_and_seal)
    assert resealer(engine, clock, keys).run(actor="ann", until=clock() + HOUR).changed == 0
    assert stored(engine)[1].webhook_url == saved


def test_while_kms_is_away_nothing_is_lost(engine: Engine, clock: Clock, keys: Keys, store: Channels) -> None:
    """It says so, and asking again later finishes it."""
    store.save(channel(1), now=clock())
    keys.newest = 2
    keys.away = {1: "KMS: away"}
    before = stored(engine)
    with pytest.raises(KeyOutOfReach, match="away"):
        resealer(engine, clock, keys).run(actor="ann", until=clock() + HOUR)
    assert stored(engine) == before
    keys.away = {}
    assert resealer(engine, clock, keys).run(actor="ann", until=clock() + HOUR).changed == 1


def test_a_rotated_key_seals_and_older_ones_still_open(engine: Engine, clock: Clock) -> None:
    """At once, for every function; whoever asks twice has two more keys, and nothing is lost by it."""
    made = iter(range(1, 10))
    wrapped: dict[bytes, bytes] = {}

    def generate(**_: object) -> dict[str, bytes]:
        number = next(made)
        wrapped[b"wrapped %d" % number] = b"%d" % number * 32
        return {"Plaintext": b"%d" % number * 32, "CiphertextBlob": b"wrapped %d" % number}

    def decrypt(CiphertextBlob: bytes) -> dict[str, object]:  # noqa: N803 - KMS's own word
        return {"Plaintext": wrapped[CiphertextBlob], "KeyId": "arn"}

    kms = SimpleNamespace(generate_data_key=generate, decrypt=decrypt)

    def ring() -> KmsKeyRing:
        return KmsKeyRing(kms=kms, kms_key="arn", stored=DataKeys(engine=engine), now=clock)

    store = Channels(engine=engine, keys=ring())
    store.save(channel(1), now=clock())
    first = store.keys.current()[0]
    second = Rotation(keys=ring()).rotate(actor="ann")
    assert store.keys.current()[0] == second > first
    store.save(channel(2), now=clock())
    assert prefixes(engine) == {1: (f"v1:{first}:"[:5], ""), 2: (f"v1:{second}:"[:5], "")}
    reader = Channels(engine=engine, keys=ring())
    assert len(of_users(reader, [1, 2], ["feishu_webhook"])) == 2
    assert audited(engine) == [("ann", "rotate", 1)]
