"""`make migration`: the next migration, ready to be filled in."""

import shutil
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from delivery.deployment.migrate import MIGRATIONS, alembic_config
from local.new_migration import main, new_migration


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A copy, in a folder whose name Alembic would interpolate."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "100%s", ignore=shutil.ignore_patterns("__pycache__")))


def test_it_follows_the_newest_and_the_one_after_follows_it(migrations: Path) -> None:
    """Numbered on, in one line of descent."""
    newest = ScriptDirectory.from_config(alembic_config(migrations)).get_current_head()
    first, second = (new_migration(name, migrations=migrations) for name in ("add_locale", "add_mood"))
    assert newest is not None
    assert [first.name, second.name] == [f"{int(newest) + 1:04}_add_locale.py", f"{int(newest) + 2:04}_add_mood.py"]
    script = ScriptDirectory.from_config(alembic_config(migrations))
    assert [it.revision for it in script.walk_revisions()][:3] == [second.name[:4], first.name[:4], newest]


@pytest.mark.parametrize("name", ["", "Add locale", "../x", "1st", "x" * 41])
def test_a_name_that_is_no_file_s_is_refused_before_anything_is_written(
    name: str, migrations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that says what a name looks like."""
    with pytest.raises(ValueError, match="such as add_locale"):
        new_migration(name, migrations=migrations)
    assert main([name]) == 2
    assert capsys.readouterr().err.endswith("such as add_locale\n")
