"""What MySQL refuses is told without the values that it was given."""

import traceback

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

WORDS = "周三和王医生的预约可以改到周四。"


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("SELECT id FROM nowhere WHERE name = %(words)s", "nowhere"),
        ("SELECT id FROM notification_records WHERE nothing = %(words)s", "nothing"),
        ("INSERT INTO notification_records (dedupe_key, channel) VALUES (REPEAT(%(words)s, 100), 'feishu')", ""),
    ],
)
def test_an_error_of_mysql_shows_no_value(engine: Engine, statement: str, refused: str) -> None:
    """Lambda writes an exception with its traceback into the log."""
    with pytest.raises(DBAPIError) as raised, engine.connect() as connection:
        connection.exec_driver_sql(statement, {"words": WORDS})
    told = "".join(traceback.format_exception(raised.value))
    assert refused in told
    assert WORDS not in told
