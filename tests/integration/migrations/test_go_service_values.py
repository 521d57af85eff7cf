"""Values of the Go service that our columns would not take as they are."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from delivery.deployment.migrate import upgrade
from tests.integration.clock import Clock
from tests.integration.migrations.test_go_service_takeover import written_by_go
from tests.integration.notifications import rows

PAGE = Path(__file__).parents[3] / "docs" / "from-the-go-service.md"


def test_answers_that_are_no_json_are_kept_as_strings(go_database: Engine, database_url: str, clock: Clock) -> None:
    """A text column may hold anything; a json column takes none of it, and refusing would stop the takeover."""
    written_by_go(go_database, clock, kind=1)
    with go_database.begin() as connection:
        connection.execute(text("UPDATE notification_records SET provider_response_json = 'a \"word\"' WHERE id = 1"))
        connection.execute(text("UPDATE notification_records SET provider_response_json = '' WHERE id = 2"))
    upgrade(database_url)
    assert [record.provider_response_json for record in rows(go_database)][:3] == ['"a \\"word\\""', None, None]


def test_a_value_that_does_not_fit_stops_the_takeover(go_database: Engine, database_url: str, clock: Clock) -> None:
    """MySQL names the column; nothing is cut, and once the value is mended the next run goes on."""
    written_by_go(go_database, clock, kind=1)
    with go_database.begin() as connection:
        connection.execute(text("UPDATE notification_records SET summary_text = REPEAT('x', 70000) WHERE id = 1"))
    with pytest.raises(Exception, match="summary_text"):
        upgrade(database_url)
    assert len(rows(go_database)[0].summary_text) == 70_000
    with go_database.begin() as connection:
        connection.execute(text("UPDATE notification_records SET summary_text = '' WHERE id = 1"))
    upgrade(database_url)


def test_local_times_are_shifted_by_the_statements_of_the_page(go_database: Engine, clock: Clock) -> None:
    """Run as printed, on the Go service's tables: every time moves, NULL stays NULL."""
    written_by_go(go_database, clock)
    times = "created_at, updated_at, next_retry_at, sent_at"
    before = rows(go_database, times)
    with go_database.begin() as connection:
        for statement in _statements(PAGE.read_text(encoding="utf-8")):
            connection.exec_driver_sql(statement)
    shifted = [tuple(time and time - timedelta(hours=8) for time in record) for record in before]
    assert rows(go_database, times) == shifted


def _statements(page: str) -> list[str]:
    """The one block of SQL of the page; the transaction is the caller's."""
    [block] = re.findall(r"```sql\n(.*?)```", page, flags=re.DOTALL)
    statements = [statement.strip() for statement in block.split(";")]
    return [statement for statement in statements if statement.startswith("UPDATE")]
