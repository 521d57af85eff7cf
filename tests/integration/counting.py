"""What MySQL itself counted: statements by kind, commits, rows read, and waits for locked rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

_STATEMENTS = ("Com_select", "Com_insert", "Com_update", "Com_delete", "Com_update_multi")


@contextmanager
def counted(engine: Engine) -> Iterator[Counter[str]]:
    """Counters of the engine's one connection (nothing else may use it at the same time), filled at the end."""
    counts: Counter[str] = Counter()
    before = _counters(engine)
    yield counts
    after = _counters(engine)
    counts.update({name: after[name] - before[name] for name in after if after[name] != before[name]})
    counts["statements"] = sum(counts[name] for name in _STATEMENTS)
    counts["commits"] = counts["Com_commit"]
    counts["rows_read"] = sum(number for name, number in counts.items() if name.startswith("Handler_read"))


def lock_waits(engine: Engine) -> int:
    """How often anybody has waited for a locked row since the server started."""
    with engine.connect() as connection:
        # The thread that does this in the background waits for rows of MySQL's own tables, which counts, too.
        connection.exec_driver_sql("SET GLOBAL innodb_stats_auto_recalc = OFF")
        return int(connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'").one()[1])


def _counters(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        shown = connection.exec_driver_sql("SHOW SESSION STATUS WHERE Variable_name REGEXP '^(Com_|Handler_)'").all()
    return {name: int(value) for name, value in shown if value.isdigit()}
