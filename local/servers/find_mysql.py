"""Finds a mysqld on the PATH, or fetches the packages and unpacks them into the cache."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.machine.make_once import make_once
from local.machine.packages.apt_sources import machine_sources, with_suite
from local.machine.packages.private_apt import PrivateApt, has_apt
from local.machine.processes import CannotStartError

OLDEST = "8.0.19"  # the first with `INSERT ... AS new ON DUPLICATE KEY UPDATE`
_REMEDY = f"install mysql-server {OLDEST} or newer (Oracle's, not MariaDB), or set DATABASE_URL"
# Where Debian and Ubuntu install mysqld; it is not on an ordinary user's PATH.
_ALSO_IN = "/usr/sbin"
# Needed only by the packages' scripts, which are not run.
_NOT_NEEDED = ["perl"]
# Ubuntu's AppArmor profile lets the program at this path write only in /var/lib/mysql.
_CONFINED, _PROFILE = Path("/usr/sbin/mysqld"), Path("/etc/apparmor.d/usr.sbin.mysqld")


@dataclass(frozen=True, slots=True, kw_only=True)
class MySqlProgram:
    command: tuple[str, ...]
    version: str
    origin: str

    def __str__(self) -> str:
        return f"MySQL {self.version} ({self.origin})"


def find_mysqld(cache: Path, *, say: Callable[[str], None]) -> MySqlProgram:
    return _installed(cache, say) or _fetched(cache, say)


def usable_version(text: str) -> str | None:
    """The version in a server's version text, or None if it is too old or MariaDB."""
    match = re.search(r"\b(\d+\.\d+\.\d+)", text)
    if match is None or "mariadb" in text.lower() or _as_numbers(match[1]) < _as_numbers(OLDEST):
        return None
    return match[1]


def _version_of(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run([*command, "--version"], check=False, capture_output=True, text=True)
    except OSError:
        return None
    return usable_version(done.stdout.partition(" Ver ")[2]) if done.returncode == 0 else None


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _installed(cache: Path, say: Callable[[str], None]) -> MySqlProgram | None:
    found = shutil.which("mysqld", path=os.pathsep.join([os.environ.get("PATH", os.defpath), _ALSO_IN]))
    if found is None or (version := _version_of([found])) is None:
        return None
    program = Path(found).resolve()
    basedir = program.parent.parent
    if program == _CONFINED and _PROFILE.exists():
        copy = make_once(cache / "mysql" / f"program-{version}", partial(_copy, program), say=say)
        program = copy / program.name
    command = (str(program), "--no-defaults", f"--basedir={basedir}", *_user())
    return MySqlProgram(command=command, version=version, origin=found)


def _copy(program: Path, directory: Path) -> None:
    shutil.copy2(program, directory / program.name)


def _fetched(cache: Path, say: Callable[[str], None]) -> MySqlProgram:
    if not (cache / "mysql" / "packages").exists() and not has_apt():
        raise CannotStartError(f"no mysqld on the PATH and no apt to fetch one: {_REMEDY}")
    tree = make_once(cache / "mysql" / "packages", partial(_fetch, cache / "mysql" / "apt.log", say), say=say)
    run = _through_its_own_loader(tree)
    version = _version_of(run)
    if version is None:
        raise CannotStartError(f"the mysqld in {tree} does not run here: remove that directory, or {_REMEDY}")
    usr = tree / "usr"
    where = (
        f"--basedir={usr}",
        f"--lc-messages-dir={usr / 'share/mysql'}",
        f"--plugin-dir={usr / 'lib/mysql/plugin'}",
    )
    command = (*run, "--no-defaults", *where, *_user())
    return MySqlProgram(command=command, version=version, origin=f"packages unpacked in {tree}")


def _through_its_own_loader(tree: Path) -> tuple[str, ...]:
    """The packages may need a newer C library than the machine's, so mysqld runs with theirs and its loader."""
    directories = [*tree.glob("usr/lib/*-linux-gnu*"), *tree.glob("lib/*-linux-gnu*")]
    loader = next((path for directory in directories for path in directory.glob("ld-linux*.so.*")), None)
    if loader is None:
        raise CannotStartError(f"no program loader in {tree}: remove that directory, or {_REMEDY}")
    return (str(loader), "--library-path", ":".join(map(str, directories)), str(tree / "usr/sbin/mysqld"))


def _fetch(log: Path, say: Callable[[str], None], tree: Path) -> None:
    """Ubuntu has MySQL in every release. Debian has it only in its unstable suite."""
    say("hongyan: fetching MySQL with its libraries through apt (70 MB, once)")
    sources = machine_sources()
    tries = [sources] if _is_ubuntu() else [[source] for source in with_suite(sources, "sid")]
    for number, known in enumerate(tries):
        apt = PrivateApt(tree / "apt" / str(number), log=log, sources=known, assumed=_NOT_NEEDED)
        if _unpacked(apt, tree):
            shutil.rmtree(tree / "apt")
            shutil.rmtree(tree / "usr/bin", ignore_errors=True)  # clients and scripts, 80 MB
            return
    raise CannotStartError(f"apt finds no package mysql-server-core (is this machine online? see {log}): {_REMEDY}")


def _unpacked(apt: PrivateApt, tree: Path) -> bool:
    """False if these sources have no MySQL server."""
    apt.update()
    package = _newest_server(apt.names("mysql-server-core"))
    if package is None:
        return False
    try:
        apt.unpack(package, tree)
    except CannotStartError as error:
        raise CannotStartError(f"{package} cannot be fetched: try again online, or {_REMEDY}. {error}") from None
    return True


def _newest_server(names: Sequence[str]) -> str | None:
    plain = [name for name in names if name == "mysql-server-core"]
    numbered = [name for name in names if re.fullmatch(r"mysql-server-core-\d+(\.\d+)*", name)]
    by_version = sorted(numbered, key=lambda name: _as_numbers(name.rpartition("-")[2]))
    return next(iter([*plain, *reversed(by_version)]), None)


def _is_ubuntu(os_release: Path = Path("/etc/os-release")) -> bool:
    text = os_release.read_text() if os_release.exists() else ""
    words = re.findall(r'^(?:ID|ID_LIKE)="?([^"\n]*)', text, re.MULTILINE)
    return "ubuntu" in " ".join(words).split()


def _user() -> tuple[str, ...]:
    """Mysqld refuses to run as root unless it is told to."""
    try:
        return (f"--user={pwd.getpwuid(os.geteuid()).pw_name}",)
    except KeyError:  # an account without a name, as in a container, which is not root
        return ()
