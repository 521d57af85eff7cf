"""The parts of statements and of rights that follow from a list of columns."""

from __future__ import annotations

from delivery.storage.mysql.columns import (
    DELETE,
    INSERT,
    Privilege,
    Sources,
    assigned,
    copied,
    listed,
    row_of,
    rows_of,
    select,
    update,
    values_of,
)


def test_a_column_may_have_the_name_of_a_word_of_sql() -> None:
    """As `key` and `partition` have: each is quoted, wherever it stands."""
    assert listed(["key", "partition"]) == "`key`, `partition`"
    assert listed(["key", "partition"], of="r") == "r.`key`, r.`partition`"
    assert assigned({"key": "NULL", "partition": "%s + 1"}) == "`key` = NULL, `partition` = %s + 1"
    assert copied(["key", "partition"], source="new") == "`key` = new.`key`, `partition` = new.`partition`"
    assert copied(["key", "id"], source="new", to="r") == "r.`key` = new.`key`, r.`id` = new.`id`"


def test_rows_have_a_placeholder_for_each_value() -> None:
    """In the order of the columns; a table of values names its rows."""
    sources: Sources[int] = {"number": lambda number: number, "square": lambda number: number**2}
    assert row_of(sources) == "%s, %s"
    assert rows_of(sources, 2) == "(%s, %s), (%s, %s)"
    assert rows_of(sources, 2, row="ROW") == "ROW(%s, %s), ROW(%s, %s)"
    assert values_of(sources, [2, 3]) == (2, 4, 3, 9)


def test_a_right_to_read_or_update_is_one_on_each_column() -> None:
    """And one to insert or delete on the whole table: MySQL has none to delete a column."""
    privileges = [INSERT, DELETE, *select("id", "status"), *update("status")]
    assert privileges == [
        Privilege("INSERT", ""),
        Privilege("DELETE", ""),
        Privilege("SELECT", "id"),
        Privilege("SELECT", "status"),
        Privilege("UPDATE", "status"),
    ]
