"""Which mysqld the local stack uses, and what it says if it finds none."""

from pathlib import Path

import pytest

from local.machine.processes import CannotStartError
from local.servers import find_mysql
from local.servers.find_mysql import find_mysqld, usable_version
from local.servers.mysql import mysql_server

ORACLE = "mysqld  Ver 8.4.10 for Linux on x86_64 (MySQL Community Server - GPL)"
UBUNTU = "/usr/sbin/mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))"
MARIADB = "mysqld  Ver 10.11.11-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"
OLD = "mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))"


@pytest.fixture(autouse=True)
def only_this_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing but a shell: neither mysqld nor apt."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(find_mysql, "_ALSO_IN", str(tmp_path / "bin"))
    monkeypatch.delenv("DATABASE_URL", raising=False)


def install(tmp_path: Path, says: str) -> Path:
    mysqld = tmp_path / "bin" / "mysqld"
    mysqld.write_text(f"#!/bin/sh\necho '{says}'\n")
    mysqld.chmod(0o755)
    return mysqld


@pytest.mark.parametrize(("says", "version"), [(ORACLE, "8.4.10"), (UBUNTU, "8.0.36")])
def test_a_mysqld_on_the_path_is_taken(tmp_path: Path, says: str, version: str):
    """Nothing is fetched then, and the program says where it came from."""
    mysqld = install(tmp_path, says)
    program = find_mysqld(tmp_path / "cache", say=print)
    assert str(program) == f"MySQL {version} ({mysqld})"
    assert program.command[:2] == (str(mysqld), "--no-defaults")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("says", [MARIADB, OLD, "", "no version"])
def test_another_mysqld_is_passed_over(tmp_path: Path, says: str):
    """MariaDB installs a mysqld too; it and old versions lack what storage needs."""
    install(tmp_path, says)
    with pytest.raises(CannotStartError):
        find_mysqld(tmp_path / "cache", say=print)


def test_a_mysqld_that_cannot_run_is_passed_over(tmp_path: Path):
    """As when it was built for another processor."""
    install(tmp_path, ORACLE).write_bytes(b"\x7fELF of another machine")
    with pytest.raises(CannotStartError):
        find_mysqld(tmp_path / "cache", say=print)


def test_without_mysqld_and_apt_one_line_says_what_to_do(tmp_path: Path):
    """Two remedies, before any work starts."""
    server = mysql_server(tmp_path / "state", cache=tmp_path / "cache")
    with pytest.raises(CannotStartError) as error:
        server.__enter__()
    assert str(error.value) == (
        "no mysqld on the PATH and no apt to fetch one: "
        "install mysql-server 8.0.19 or newer (Oracle's, not MariaDB), or set DATABASE_URL"
    )


def test_a_confined_mysqld_is_run_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """AppArmor keeps the installed program out of every directory but the system's; its profile goes by the path."""
    mysqld = install(tmp_path, ORACLE)
    (profile := tmp_path / "profile").touch()
    monkeypatch.setattr(find_mysql, "_CONFINED", mysqld.resolve())
    monkeypatch.setattr(find_mysql, "_PROFILE", profile)
    program = find_mysqld(tmp_path / "cache", say=print)
    copy = tmp_path / "cache" / "mysql" / "program-8.4.10" / "mysqld"
    assert program.command[:3] == (str(copy), "--no-defaults", f"--basedir={tmp_path}")
    assert copy.read_bytes() == mysqld.read_bytes()


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("8.0.19", "8.0.19"),
        ("9.7.4-2", "9.7.4"),
        ("8.0.18", None),
        ("5.7.44-log", None),
        ("10.11.11-MariaDB-0+deb12u1", None),
        ("11.4.2-mariadb", None),
        ("8.0", None),
    ],
)
def test_versions_are_compared_as_numbers(answer: str, version: str | None):
    """8.0.19 brought the row alias in ON DUPLICATE KEY UPDATE; MariaDB's numbers are larger and mean nothing here."""
    assert usable_version(answer) == version


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        (["mysql-server-core"], "mysql-server-core"),
        (["mysql-server-core-8.0", "mysql-server-core-8.4"], "mysql-server-core-8.4"),
        (["mysql-server-core-8.4", "mysql-server-core-8.10"], "mysql-server-core-8.10"),
        (["mysql-server-core-8.0-dbgsym", "mysql-server-core-doc"], None),
        ([], None),
    ],
)
def test_the_newest_server_package_is_fetched(names: list[str], newest: str | None):
    """Debian's name has no version, Ubuntu's has."""
    assert find_mysql._newest_server(names) == newest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nHOME_URL="https://ubuntu.example/"\n', False),
    ],
)
def test_ubuntu_and_what_derives_from_it_are_recognised(tmp_path: Path, text: str, expected: bool):  # noqa: FBT001
    """They have MySQL in their own archive; Debian's stable release has not."""
    (release := tmp_path / "os-release").write_text(text)
    assert find_mysql._is_ubuntu(release) is expected
