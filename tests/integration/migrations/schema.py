"""The schema of a database as MySQL itself shows it, for comparison."""

from __future__ import annotations

import re

from sqlalchemy import Engine, text


def schema(engine: Engine) -> dict[str, set[str]]:
    """Each table's lines as MySQL itself shows them, in any order."""
    shown = {}
    with engine.connect() as connection:
        for (table,) in connection.execute(text("SHOW TABLES")).all():
            if table != "alembic_version":
                lines = connection.execute(text(f"SHOW CREATE TABLE {table}")).one()[1].splitlines()
                shown[table] = {re.sub(r" AUTO_INCREMENT=\d+", "", line.strip().rstrip(",")) for line in lines}
    return shown
