"""Batches larger than `max_allowed_packet`: stored in parts, in one transaction, and nothing blocks its partition."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from delivery.domain.contract import RejectCode
from delivery.domain.intake import Intake, KafkaRecord, Reject
from delivery.storage.mysql.database import to_stored
from delivery.storage.mysql.packets import MOST_BYTES, in_packets, room_for, size_of
from delivery.storage.rejects import insert_rejects
from local.servers.mysql import MySqlServer
from tests.integration.clock import Clock
from tests.integration.conftest import engine_for
from tests.integration.counting import counted
from tests.integration.ingest.test_rejects import rejects
from tests.integration.notifications import asking_for, batch, count, event, kafka
from tests.integration.sending import PointerList, ingester, recorder_store

MIB = 1024 * 1024
SUMMARY = "汉" * 21_845  # as long as a column takes


@contextmanager
def packets_of(mysql: MySqlServer, size: int) -> Iterator[None]:
    """For connections made in this block, MySQL takes no larger packet."""
    server = engine_for(mysql.with_database("mysql"))
    with server.connect() as connection:
        usual = connection.exec_driver_sql("SELECT @@GLOBAL.max_allowed_packet").scalar_one()
        connection.exec_driver_sql("SET GLOBAL max_allowed_packet = %s", (size,))
        try:
            yield
        finally:
            connection.exec_driver_sql("SET GLOBAL max_allowed_packet = %s", (usual,))
    server.dispose()


@pytest.fixture
def small_packets(mysql: MySqlServer, another_engine: Callable[[], Engine], engine: Engine) -> Iterator[Engine]:
    """An engine on an empty database whose server takes a mebibyte at a time."""
    assert count(engine) == 0
    with packets_of(mysql, MIB):
        yield another_engine()


def test_the_server_refuses_what_is_larger(small_packets: Engine) -> None:
    """Else the other tests of this file would show nothing."""
    with pytest.raises(OperationalError), small_packets.connect() as connection:
        connection.exec_driver_sql("SELECT LENGTH(%s)", ("x" * MIB,))


def test_a_batch_of_several_packets_is_one_transaction(small_packets: Engine, clock: Clock, queue: PointerList) -> None:
    """Records and rejects alike; every pointer goes out."""
    good = [kafka(event(f"k{number}", summary_text=SUMMARY), offset=number) for number in range(100)]
    bad = [kafka(b"\xff" * 90_000, offset=1_000 + number) for number in range(50)]
    stage = ingester(small_packets, clock, queue)
    stage.run(batch("first"))
    with counted(small_packets) as counts:
        report = stage.run([*good, *bad])
    assert (report.requested, report.published, report.rejected) == (100, 100, {"envelope_invalid": 50})
    assert (count(small_packets), len(rejects(small_packets)), counts["commits"]) == (101, 50, 1)
    assert counts["Com_insert"] < 40


def test_rows_of_four_byte_characters_fit_as_well(small_packets: Engine, clock: Clock) -> None:
    """Nothing of a statement is forgotten in the estimate, which leaves no room for such texts."""
    intake = asking_for(*(f"{number}" for number in range(2_000)), summary_text="🦢" * 300)
    with counted(small_packets) as counts:
        stored = recorder_store(small_packets, clock, intake)
    assert (stored.created, counts["commits"]) == (2_000, 1)


def test_two_thousand_long_keys_are_looked_up_in_several_packets(small_packets: Engine, clock: Clock) -> None:
    """The list of keys is a statement's values, too."""
    keys = [f"{number}".ljust(190, "🦢") for number in range(2_000)]
    stored = recorder_store(small_packets, clock, asking_for(*keys))
    assert stored.created == len(stored.pointers) == 2_000


@pytest.mark.parametrize("filler", [b"x", b"\x00", b"'"])
def test_a_reject_that_is_larger_than_a_packet_is_kept_cut(
    small_packets: Engine, clock: Clock, queue: PointerList, filler: bytes
) -> None:
    """It must not block its partition: its first bytes are kept, and the reason says so."""
    value = filler * (3 * MIB)
    huge = kafka(value, offset=5, key=filler * MIB, headers=(("trace", filler * MIB),), timestamp=1)
    stage, records = ingester(small_packets, clock, queue), [huge, *batch("a")]
    _, report = stage.run(records), stage.run(records)
    assert report.rejected == {"envelope_invalid": 1}
    [kept] = rejects(small_packets)
    assert value.startswith(kept.value)
    assert huge.key is not None
    assert huge.key.startswith(kept.key)
    assert len(kept.value) > 200_000
    assert kept.reason.startswith(
        f"only the first {len(kept.value)} of {3 * MIB} bytes of the value are kept; the value "
    )
    assert kept.headers == "[]"


@pytest.mark.parametrize(("key", "value"), [(None, b"x" * 3 * MIB), (b"x" * 3 * MIB, None)], ids=["value", "key"])
def test_what_is_small_of_a_cut_reject_is_kept(
    small_packets: Engine, clock: Clock, queue: PointerList, key: bytes | None, value: bytes | None
) -> None:
    """Its headers; and a key or a value that is not there stays so."""
    huge = kafka(value, offset=5, key=key, headers=(("trace", b"7"),))
    ingester(small_packets, clock, queue).run([huge])
    [kept] = rejects(small_packets)
    assert (kept.key is None, kept.value is None) == (key is None, value is None)
    assert json.loads(kept.headers) == [{"name": "trace", "value": base64.b64encode(b"7").decode()}]
    assert kept.reason.startswith(f"only the first {len(kept.value or b'')} of {len(value or b'')} bytes of the value")


def test_a_reject_that_just_fits_is_kept_whole(small_packets: Engine, clock: Clock, queue: PointerList) -> None:
    """Beside one that is as large; each has a statement of its own. In a statement a byte is two digits."""
    values = [letter * 500_000 for letter in (b"a", b"b", b"c")]
    ingester(small_packets, clock, queue).run([kafka(value, offset=n) for n, value in enumerate(values)])
    assert [kept.value for kept in rejects(small_packets)] == values


def test_a_cut_reject_fits_whatever_it_is_made_of(
    mysql: MySqlServer, engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Each of its parts takes all of its share here, and what is small beside them has to fit as well."""
    key, header = b"\xff" * MIB, ("🦢" * 1_950, b"")
    source = replace(kafka(b"\xff" * MIB, key=key, headers=(header,), timestamp=2**62), topic="t" * 249)
    reject = Reject(source=source, code=RejectCode.ENVELOPE_INVALID, reason="🦢" * MIB)
    assert count(engine) == 0
    with packets_of(mysql, 64 * 1024), another_engine().begin() as connection:
        insert_rejects(connection, [reject], to_stored(clock()))
    [kept] = rejects(engine)
    assert len(kept.value) > 14_000
    assert len(kept.key) > 3_800
    assert len(kept.reason) > 3_800
    assert [one["name"] for one in json.loads(kept.headers)] == [header[0]]


def test_two_cut_rejects_of_one_position_are_both_kept(small_packets: Engine, clock: Clock) -> None:
    """They are told apart by all of their bytes, not by those that are kept."""
    both = [kafka(b"x" * 2 * MIB + end, offset=5) for end in (b"1", b"2")]
    recorder_store(small_packets, clock, Intake(requests=[], rejects=[_reject(source) for source in both]))
    first, second = rejects(small_packets)
    assert first.value == second.value
    assert first.fingerprint != second.fingerprint


def test_as_many_go_together_as_fit_and_one_that_is_too_large_goes_alone(engine: Engine) -> None:
    """To the byte, in order; of nothing comes nothing."""
    sizes = [40, 60, 1, 100, 101, 99, 1, 1]
    with engine.connect() as connection:
        parts = in_packets(connection, sizes, lambda size: size, at_most=100)
        assert list(parts) == [[40, 60], [1], [100], [101], [99, 1], [1]]
        assert list(in_packets(connection, [], size_of, at_most=100)) == []


def test_mysql_is_asked_what_it_takes_once_a_connection_and_only_if_it_matters(
    another_engine: Callable[[], Engine],
) -> None:
    """Most batches are small, and each question is a way to MySQL and back."""
    with another_engine().connect() as connection:
        takes = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
        before = selects(connection)
        assert room_for(connection, MIB // 2, at_most=MOST_BYTES) == MIB // 2
        assert selects(connection) == before
        rooms = [room_for(connection, wanted, at_most=MOST_BYTES) for wanted in (MIB // 2 + 1, MOST_BYTES)]
        assert selects(connection) == before + 1
    assert rooms[0] == rooms[1]
    assert takes - 4_000 < rooms[0] < takes - 1_000  # the statement itself needs some


def selects(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Com_select'").one()[1])


def test_a_packet_that_is_refused_unexpectedly_is_halved(
    mysql: MySqlServer, engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """By a server that takes less than any should, or something between us and it."""
    assert count(engine) == 0
    with packets_of(mysql, 64 * 1024):
        small = another_engine()
        intake = Intake(
            requests=asking_for(*(f"k{number}" for number in range(900))).requests,
            rejects=[_reject(kafka(b"x" * 100_000, offset=number)) for number in range(3)],
        )
        stored = recorder_store(small, clock, intake)
        assert stored.created == len(stored.pointers) == 900
    values = [kept.value for kept in rejects(engine)]
    assert len(values) == 3
    assert all(5_000 < len(value) < 64 * 1024 and set(value) == set(b"x") for value in values)


def _reject(source: KafkaRecord) -> Reject:
    return Reject(source=source, code=RejectCode.ENVELOPE_INVALID, reason="the value is not JSON")
