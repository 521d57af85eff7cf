"""Where Java and Maven come from: this machine, or packages, or nowhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.machine.processes import CannotStartError
from local.servers import find_java as module
from local.servers.find_java import find_java, find_maven

VERSION = "openjdk version \"{}\" 2025-04-15' 'OpenJDK Runtime Environment"


def install(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def install_java(directory: Path, version: str) -> None:
    install(directory / "bin" / "java", f"printf '%s\\n' '{VERSION.format(version)}' >&2")


@pytest.fixture(autouse=True)
def only_this_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing but a shell: no Java, no Maven, no apt."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A cache in which the packages of both are already."""
    cache = tmp_path / "cache"
    install_java(cache / "java" / "packages" / "usr" / "lib" / "jvm" / "java-21-openjdk-arm64", "21.0.9")
    install(cache / "maven" / "packages" / "usr" / "share" / "maven" / "bin" / "mvn", "exit 0")
    return cache


def nothing_said(line: str) -> None:
    raise AssertionError(line)


def test_the_java_on_the_path_comes_before_packages(tmp_path: Path, unpacked: Path):
    """A machine that has one keeps using it."""
    install_java(tmp_path, "17.0.15")
    java = find_java(unpacked, say=nothing_said)
    assert (java.command, java.home, java.unpacked) == ("java", "", False)
    assert str(java) == "Java 17.0.15 on the PATH"


def test_java_home_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As everywhere; one that is too old, or gone, is passed over."""
    install_java(tmp_path, "21")
    install_java(tmp_path / "home", "25.0.1")
    install_java(tmp_path / "old", "11.0.22")
    found = {}
    for home in ("home", "old", "gone"):
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
        java = find_java(tmp_path / "cache", say=nothing_said)
        found[home] = (java.version, java.home)
    assert found == {"home": ("25.0.1", str(tmp_path / "home")), "old": ("21", ""), "gone": ("21", "")}


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "16"])
def test_an_old_java_gives_way_to_the_package(tmp_path: Path, unpacked: Path, version: str):
    """Kafka 4 does not run on it."""
    install_java(tmp_path, version)
    java = find_java(unpacked, say=nothing_said)
    home = unpacked / "java" / "packages" / "usr" / "lib" / "jvm" / "java-21-openjdk-arm64"
    assert (java.command, java.home, java.unpacked) == (str(home / "bin" / "java"), str(home), True)
    assert str(java) == f"Java 21.0.9 from a package unpacked in {unpacked / 'java' / 'packages'}"


def test_an_unpacked_java_that_does_not_run_is_said_so(tmp_path: Path, unpacked: Path):
    """As when the checkout moved to a machine with another processor."""
    (program,) = unpacked.glob("java/packages/usr/lib/jvm/*/bin/java")
    program.write_bytes(b"\x7fELF of another machine")
    with pytest.raises(CannotStartError, match="does not run here: remove that directory, or install Java 17"):
        find_java(unpacked, say=nothing_said)


def test_maven_comes_from_the_path_or_else_from_packages(
    tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch
):
    """An unpacked Maven is told of the machine's own settings, which may name a mirror."""
    (settings := tmp_path / "settings.xml").touch()
    monkeypatch.setattr(module, "_SETTINGS", settings)
    program = unpacked / "maven" / "packages" / "usr" / "share" / "maven" / "bin" / "mvn"
    assert find_maven(unpacked, say=nothing_said) == [str(program), "-gs", str(settings)]
    settings.unlink()
    assert find_maven(unpacked, say=nothing_said) == [str(program)]
    install(tmp_path / "bin" / "mvn", "exit 0")
    assert find_maven(unpacked, say=nothing_said) == [str(tmp_path / "bin" / "mvn")]


@pytest.mark.parametrize(("find", "what"), [(find_java, "Java"), (find_maven, "Maven")])
def test_without_apt_one_line_says_what_is_missing(tmp_path: Path, find: Callable[..., object], what: str):
    """Nothing is left behind that the next start would take for packages."""
    with pytest.raises(CannotStartError) as error:
        find(tmp_path / "cache", say=nothing_said)
    assert str(error.value) == f"there is no {what} on the PATH, and no apt to fetch it"
    assert [*(tmp_path / "cache").glob("*/packages*"), *(tmp_path / "cache").glob("*/.half-made*")] == []


def fake_apt(directory: Path, *, packages: str) -> None:
    """Programs of apt's names, which know `packages` and refuse to fetch any."""
    install(directory / "dpkg", "echo amd64")
    install(directory / "dpkg-deb", "exit 0")
    install(directory / "apt-cache", f"echo {packages}")
    install(directory / "apt-get", "case $3 in update) ;; *) echo refused; exit 100;; esac")


@pytest.mark.parametrize(
    ("packages", "reason"),
    [
        ("openjdk-11-jre-headless openjdk-17-jre-zero", "apt has no package of Java 17 or newer, or is offline: see "),
        ("openjdk-17-jre-headless", "apt cannot fetch the package openjdk-17-jre-headless: see "),
    ],
)
def test_what_apt_does_not_have_or_give_is_said_in_one_line(tmp_path: Path, packages: str, reason: str):
    """The log has the rest; the next start tries again."""
    fake_apt(tmp_path / "bin", packages=packages)
    said: list[str] = []
    with pytest.raises(CannotStartError) as error:
        find_java(tmp_path / "cache", say=said.append)
    assert str(error.value).startswith(reason)
    assert "\n" not in str(error.value)
    assert str(tmp_path / "cache" / "java" / "apt.log") in str(error.value)
    assert said == ["hongyan: fetching Java through apt (44 MB, once)"]
    assert not (tmp_path / "cache" / "java" / "packages").exists()


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["openjdk-25-jre-headless", "openjdk-17-jre-headless", "openjdk-21-jre-headless"], "openjdk-17-jre-headless"),
        (["openjdk-11-jre-headless", "openjdk-21-jre-headless"], "openjdk-21-jre-headless"),
        (["openjdk-17-jre", "openjdk-17-jdk-headless", "openjdk-17-jre-headless-dbg"], None),
        ([], None),
    ],
)
def test_the_oldest_package_that_kafka_runs_on_is_fetched(names: list[str], chosen: str | None):
    """The newest may be an early-access build."""
    assert module._oldest_usable(names) == chosen
