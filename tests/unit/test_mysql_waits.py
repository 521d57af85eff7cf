"""How long a connection waits for MySQL: as long as there is time, told to its socket seldom."""

from __future__ import annotations

import pytest

from delivery.deadline import ending_in
from tests.unit.test_mysql_escaping import connected


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.06, 0.26])
def test_no_wait_is_0(seconds: float) -> None:
    """A socket would then not wait at all."""
    with ending_in(seconds):
        assert 0 < connected(0)._read_timeout < seconds + 0.1


def test_a_wait_gets_shorter_by_tenths_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyMySQL tells its socket of each other wait that it finds: that is a system call, for each row of an answer."""
    connection, clock = connected(0), [1_000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    waits = []
    with ending_in(5):
        for _ in range(200):
            waits.append(connection._read_timeout)
            clock[0] += 0.002
    assert (waits[0], waits[-1], len(set(waits))) == (5.0, 4.6, 5)
