"""The wrapped data keys: each stays readable, and the newest is the one to seal with."""

from __future__ import annotations

from sqlalchemy import Engine

from delivery.storage.data_keys import DataKeys
from tests.integration.clock import Clock


def test_the_newest_of_several_keys_seals_and_the_others_still_open(engine: Engine, clock: Clock) -> None:
    """After a rotation, or when two functions made the first key at once."""
    keys = DataKeys(engine=engine)
    assert keys.newest() is None
    first, second = (keys.add(wrapped, now=clock()) for wrapped in (b"first", b"second"))
    assert first < second
    assert keys.newest() == (second, b"second")
    assert [keys.wrapped(key_id) for key_id in (first, second, second + 1)] == [b"first", b"second", None]
