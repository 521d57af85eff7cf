"""Creates the next migration, empty, for a developer to fill in: `python -m local.new_migration add_locale`."""

import re
import sys
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from delivery.deployment.migrate import MIGRATIONS, alembic_config


def new_migration(name: str, *, migrations: Path = MIGRATIONS) -> Path:
    """Writes `versions/NNNN_name.py` with the number after the newest one.

    Raises:
        ValueError: the name is not made of lower-case words joined by underscores.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValueError(f"{name!r} should be up to 40 lower-case letters, digits and underscores, such as add_locale")
    config = alembic_config(migrations)
    revision = f"{int(ScriptDirectory.from_config(config).get_current_head() or 0) + 1:04}"
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    command.revision(config, message=name, rev_id=revision)
    return migrations / "versions" / f"{revision}_{name}.py"


def main(arguments: list[str]) -> int:
    try:
        (name,) = arguments
        print(new_migration(name))
    except ValueError as error:
        print(error if arguments else "a name is needed, such as add_locale", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
