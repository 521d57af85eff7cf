"""docs/settings.md has a row for each setting, as it is today."""

from cdk.settings.page import PAGE, settings, written


def test_the_page_is_up_to_date() -> None:
    """Otherwise: python -m cdk.settings.page."""
    assert PAGE.read_text() == written(PAGE.read_text())


def test_a_table_that_is_out_of_date_is_replaced_and_the_text_stays() -> None:
    """Whatever stood in it."""
    page = PAGE.read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `lease_seconds`"))
    assert written(page.replace(row, "| `forgotten` | `1` | a number | |")) == page


def test_every_setting_has_one_row() -> None:
    """Of a key that several kinds have, the first is shown."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) == len(settings()) > 70
