"""Finds Java and Maven on this machine, or fetches their packages and unpacks them into the cache."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.machine.make_once import make_once
from local.machine.packages.apt_sources import machine_sources
from local.machine.packages.private_apt import PrivateApt, has_apt
from local.machine.processes import CannotStartError

OLDEST = 17  # Kafka 4 does not run on an older one
# Maven needs a Java, which is found separately, and the C library, which every machine has.
_NOT_NEEDED = ["default-jre-headless", "libc6"]
# Maven from a package reads the settings in its own tree, and the machine's only when it is told to.
_SETTINGS = Path("/etc/maven/settings.xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    command: str
    version: str
    #: The JAVA_HOME for Maven; empty for the Java on the PATH.
    home: str
    origin: str
    #: Whether it came as a package, which has no certificates.
    unpacked: bool = False

    def __str__(self) -> str:
        return f"Java {self.version} {self.origin}"


def find_java(cache: Path, *, say: Callable[[str], None]) -> Java:
    """Finds JAVA_HOME's Java if it is new enough, otherwise the one on the PATH, otherwise one from a package."""
    home = os.environ.get("JAVA_HOME")
    in_home = _java(str(Path(home) / "bin" / "java"), home=home, origin="in JAVA_HOME") if home else None
    return in_home or _java("java", home="", origin="on the PATH") or _unpacked_java(cache / "java", say)


def find_maven(cache: Path, *, say: Callable[[str], None]) -> list[str]:
    """The command, with the options that an unpacked Maven needs."""
    if installed := shutil.which("mvn"):
        return [installed]
    fetch = partial(_fetch_maven, cache / "maven" / "apt.log", say)
    tree = make_once(cache / "maven" / "packages", fetch, say=say)
    settings = ["-gs", str(_SETTINGS)] if _SETTINGS.exists() else []
    return [str(tree.resolve() / "usr/share/maven/bin/mvn"), *settings]


def _java(command: str, *, home: str, origin: str, unpacked: bool = False) -> Java | None:
    version = _version(command)
    if version is None or int(version.split(".")[0]) < OLDEST:
        return None
    return Java(command=command, version=version, home=home, origin=origin, unpacked=unpacked)


def _version(command: str) -> str | None:
    try:
        done = subprocess.run([command, "-version"], check=False, capture_output=True, text=True)
    except OSError:
        return None
    match = re.search(r'version "(\d+[\d.]*)', done.stderr)
    return match[1] if match else None


def _unpacked_java(directory: Path, say: Callable[[str], None]) -> Java:
    tree = make_once(directory / "packages", partial(_fetch_java, directory / "apt.log", say), say=say)
    for program in sorted(tree.resolve().glob("usr/lib/jvm/*/bin/java")):
        home, origin = str(program.parent.parent), f"from a package unpacked in {tree}"
        if java := _java(str(program), home=home, origin=origin, unpacked=True):
            return java
    raise CannotStartError(f"the Java in {tree} does not run here: remove that directory, or install Java {OLDEST}")


def _fetch_java(log: Path, say: Callable[[str], None], tree: Path) -> None:
    """Fetches only this package, because its java needs no libraries beyond apt's own."""
    apt = _apt("Java", "44 MB", log, say, tree)
    package = _oldest_usable(apt.names("openjdk-"))
    if package is None:
        raise CannotStartError(f"apt has no package of Java {OLDEST} or newer, or is offline: see {log}")
    _unpack(partial(apt.unpack_alone, package, tree), package, log)
    shutil.rmtree(tree / "apt")


def _fetch_maven(log: Path, say: Callable[[str], None], tree: Path) -> None:
    apt = _apt("Maven", "10 MB", log, say, tree)
    _unpack(partial(apt.unpack, "maven", tree), "maven", log)
    shutil.rmtree(tree / "apt")


def _apt(what: str, size: str, log: Path, say: Callable[[str], None], tree: Path) -> PrivateApt:
    if not has_apt():
        raise CannotStartError(f"there is no {what} on the PATH, and no apt to fetch it")
    say(f"hongyan: fetching {what} through apt ({size}, once)")
    apt = PrivateApt(tree / "apt", log=log, sources=machine_sources(), assumed=_NOT_NEEDED)
    apt.update()
    return apt


def _unpack(unpack: Callable[[], None], package: str, log: Path) -> None:
    try:
        unpack()
    except CannotStartError:
        raise CannotStartError(f"apt cannot fetch the package {package}: see {log}") from None


def _oldest_usable(names: Sequence[str]) -> str | None:
    """The newest may be an early-access build, or newer than the Javas that this Kafka was tested with."""
    found = {int(match[1]): name for name in names if (match := re.fullmatch(r"openjdk-(\d+)-jre-headless", name))}
    usable = [number for number in found if number >= OLDEST]
    return found[min(usable)] if usable else None
