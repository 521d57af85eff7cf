"""Where mysqld comes from: the PATH, or packages unpacked into the cache; how to run it and its version out."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.apt_sources import machine_sources, with_suite
from local.debian import PrivateApt, has_apt
from local.once import made_once
from local.processes import CannotStartError

OLDEST = (8, 0, 19)  # the first with `INSERT ... AS new ON DUPLICATE KEY UPDATE`
_REMEDY = "install mysql-server 8.0.19 or newer (Oracle's, not MariaDB), or set DATABASE_URL"
# Ubuntu's profile lets the installed mysqld write in /var/lib/mysql only; it goes by the path of the program.
_APPARMOR_PROFILE = Path("/etc/apparmor.d/usr.sbin.mysqld")


@dataclass(frozen=True, slots=True, kw_only=True)
class MySqlProgram:
    command: tuple[str, ...]
    version: str
    origin: str

    def __str__(self) -> str:
        return f"MySQL {self.version} ({self.origin})"


def find_mysqld(cache: Path, *, say: Callable[[str], None]) -> MySqlProgram:
    return _installed(cache, say) or _fetched(cache, say)


def version_of(command: Sequence[str]) -> str | None:
    """The version, unless the program is not Oracle's MySQL, too old, or does not run."""
    try:
        done = subprocess.run([*command, "--version"], check=False, capture_output=True, text=True)
    except OSError:
        return None
    match = re.search(r"\bVer (\d+)\.(\d+)\.(\d+)", done.stdout)
    if done.returncode or match is None or "MariaDB" in done.stdout or tuple(map(int, match.groups())) < OLDEST:
        return None
    return ".".join(match.groups())


def _installed(cache: Path, say: Callable[[str], None]) -> MySqlProgram | None:
    # /usr/sbin, where Debian and Ubuntu put it, is not on the PATH of an ordinary user.
    found = shutil.which("mysqld", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if found is None or (version := version_of([found])) is None:
        return None
    program = Path(found).resolve()
    basedir = program.parent.parent
    if program == Path("/usr/sbin/mysqld") and _APPARMOR_PROFILE.exists():
        copy = made_once(cache / "mysql" / f"program-{version}", partial(_copy, program), say=say)
        program = copy / program.name
    command = (str(program), "--no-defaults", f"--basedir={basedir}", *_user())
    return MySqlProgram(command=command, version=version, origin=found)


def _copy(program: Path, directory: Path) -> None:
    shutil.copy2(program, directory / program.name)


def _fetched(cache: Path, say: Callable[[str], None]) -> MySqlProgram:
    if not (cache / "mysql" / "packages").exists() and not has_apt():
        raise CannotStartError(f"no mysqld on the PATH and no apt to fetch one: {_REMEDY}")
    tree = made_once(cache / "mysql" / "packages", partial(_fetch, say), say=say)
    run = _through_its_own_loader(tree)
    version = version_of(run)
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
    """The packages may be newer than the machine's C library, so they bring theirs and the loader that goes with it."""
    loaders = [path for path in tree.glob("**/ld-linux*.so.*") if path.is_file() and not path.is_symlink()]
    if not loaders:
        raise CannotStartError(f"no program loader in {tree}: remove that directory, or {_REMEDY}")
    triplet = loaders[0].parent.name
    libraries = [str(tree / top / triplet) for top in ("usr/lib", "lib") if (tree / top / triplet).is_dir()]
    return (str(loaders[0]), "--library-path", ":".join(libraries), str(tree / "usr/sbin/mysqld"))


def _fetch(say: Callable[[str], None], tree: Path) -> None:
    """Ubuntu has MySQL in every release; Debian has MariaDB there and MySQL in its unstable suite only."""
    sources = machine_sources()
    tries = [sources] if _is_ubuntu() else [[source] for source in with_suite(sources, "sid")]
    for known in tries:
        with tempfile.TemporaryDirectory(dir=tree.parent, prefix=".apt-") as state:
            apt = PrivateApt(Path(state), sources=known, assumed=["perl"])  # for its scripts, which we do not run
            apt.update()
            if package := _newest_server(apt.names("mysql-server-core")):
                say(f"hongyan: fetching {package} with its libraries through apt (about 55 MB, once)")
                apt.unpack(package, tree)
                shutil.rmtree(tree / "usr/bin", ignore_errors=True)  # clients and scripts, 80 MB
                return
    raise CannotStartError(f"apt knows no package mysql-server-core (is this machine online?): {_REMEDY}")


def _newest_server(names: Sequence[str]) -> str | None:
    plain = [name for name in names if name == "mysql-server-core"]
    numbered = [name for name in names if re.fullmatch(r"mysql-server-core-\d+(\.\d+)*", name)]
    by_version = sorted(numbered, key=lambda name: [int(part) for part in name.rpartition("-")[2].split(".")])
    return next(iter([*plain, *reversed(by_version)]), None)


def _is_ubuntu(os_release: Path = Path("/etc/os-release")) -> bool:
    words = re.findall(r'^(?:ID|ID_LIKE)="?([^"\n]*)', os_release.read_text(), re.MULTILINE)
    return "ubuntu" in " ".join(words).split()


def _user() -> tuple[str, ...]:
    """As root, mysqld refuses to run without being told so."""
    try:
        return (f"--user={pwd.getpwuid(os.geteuid()).pw_name}",)
    except KeyError:  # an account without a name, as in a container: then it is not root
        return ()
