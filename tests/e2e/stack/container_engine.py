"""Installs a container engine, and builds a stand-in for Lambda's base image from Debian packages alone."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from local.lambda_.runtime import SHIPPED
from local.machine.file_lock import wait_for_lock
from local.machine.packages.apt_sources import machine_sources
from local.machine.processes import run_to_end, running, wait_until_ready

IMAGE = "hongyan-lambda-python:3.13"
_PACKAGES = ("docker.io", "iptables", "debootstrap")
_CAP_SYS_ADMIN = 21
_PYTHON = "3.13"
#: Debian's release with that Python
_RELEASE = "trixie"
_BOOTSTRAP = f"""\
#!/bin/sh
export PYTHONPATH="/var/task:/opt/python:/var/runtime"
exec /usr/bin/python{_PYTHON} -m awslambdaric "$_HANDLER"
"""


def why_not() -> str | None:
    """Why no engine can be brought here; nothing where it can."""
    if os.geteuid() != 0:
        return "a container engine is brought by root only"
    if not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        return "a container engine is brought from Debian's packages, and this is no Debian"
    if not _may_mount():
        return "a container engine has to mount, and this root may not (CAP_SYS_ADMIN)"
    return None


def _may_mount() -> bool:
    capabilities = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return capabilities is not None and bool(int(capabilities[1], 16) >> _CAP_SYS_ADMIN & 1)


@contextmanager
def engine(cache: Path) -> Iterator[str]:
    """An engine with the image for the length of the block; one that runs already is left running."""
    cache.mkdir(parents=True, exist_ok=True)
    _install(cache / "apt.log")
    with ExitStack() as exits:
        # The socket and the bridge are the machine's: another checkout's tests would lose an engine that we end.
        exits.enter_context(wait_for_lock(Path("/tmp/hongyan-engine.lock"), waiting=print))
        if not _answers():
            exits.enter_context(_daemon(cache))
        archive = cache / "image.tar"
        if not archive.exists():
            _build(cache, archive)
        changes = ["--change", "WORKDIR /var/task", "--change", "ENV LAMBDA_TASK_ROOT=/var/task"]
        _run(cache, "docker", "import", *changes, archive, IMAGE)
        yield IMAGE


@contextmanager
def _daemon(cache: Path) -> Iterator[None]:
    """Ended by its pid; its containers and images go with its directories, which no other run shares."""
    home = Path(f"/tmp/hongyan-engine-{os.getpid()}")
    places: list[str | Path] = [
        "dockerd",
        "--data-root",
        home / "data",
        "--exec-root",
        home / "exec",
        "--pidfile",
        home / "pid",
    ]
    try:
        with running(places, name="dockerd", log=cache / "dockerd.log") as daemon:
            wait_until_ready(daemon, _answers, within=60)
            yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answers() -> bool:
    asked = subprocess.run(["docker", "version"], capture_output=True, check=False)
    time.sleep(0.1)
    return asked.returncode == 0


def _install(log: Path) -> None:
    if all(map(shutil.which, ("dockerd", "iptables", "debootstrap"))):
        return
    run = partial(run_to_end, name="apt-get", log=log, env={"DEBIAN_FRONTEND": "noninteractive"})
    run(["apt-get", "update", "-q"])
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *_PACKAGES])


def _build(cache: Path, archive: Path) -> None:
    """Debian's Python with the runtime client where Lambda's image has it; whole or not at all."""
    root = cache / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    source = next(source for source in machine_sources() if "main" in source.components)
    options = ["--variant=minbase", "--include=python3,ca-certificates"]
    _run(cache, "debootstrap", *options, _RELEASE, root, source.uris.split()[0])
    for directory in ("var/runtime", "var/task", "var/rapid", "opt"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    _install_runtime(cache, root / "var" / "runtime")
    _run(cache, "tar", "-C", root, "-c", "-f", archive.with_suffix(".new"), ".")
    archive.with_suffix(".new").rename(archive)
    shutil.rmtree(root)


def _install_runtime(cache: Path, runtime: Path) -> None:
    machine = platform.machine()
    foreign = [f"--platform=manylinux_2_28_{machine}", f"--platform=manylinux2014_{machine}"]
    wanted = [*foreign, f"--python-version={_PYTHON}", "--only-binary=:all:", *_pinned()]
    _run(cache, sys.executable, "-m", "pip", "install", "-q", "--target", runtime, *wanted)
    (runtime / "bootstrap").write_text(_BOOTSTRAP)
    (runtime / "bootstrap").chmod(0o755)


def _run(cache: Path, program: str, *arguments: str | Path) -> None:
    with suppress(FileNotFoundError):
        (cache / "build.log").unlink()
    run_to_end([program, *arguments], name=program, log=cache / "build.log")


def _pinned() -> list[str]:
    return [f"{name}=={importlib.metadata.version(name)}" for name in SHIPPED]
