"""What Lambda's base image contains: the emulator, and a directory with awslambdaric, boto3 and their dependencies."""

import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from local.lambda_ import bootstrap as lambda_bootstrap
from local.machine.processes import CannotStartError

#: the distributions that Lambda's Python runtime ships, besides their dependencies
SHIPPED = ("awslambdaric", "boto3")

_EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64", "arm64": "aws-lambda-rie-arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaRuntime:
    #: the runtime interface emulator, from the aws-sam-cli wheel
    emulator: Path
    #: on every function's import path, like /var/runtime
    directory: Path
    #: where compiled modules are written: code and layers are read-only, as on Lambda
    compiled: Path

    def command(self, *, handler: str, task_root: Path, started: Path) -> list[str]:
        """The base interpreter without site directories, so that a function can import only what is deployed.

        The file `started` appears when the handler is imported.
        """
        return [
            *(_below_our_venv(), "-S", "-s", "-X", f"pycache_prefix={self.compiled}"),
            *(lambda_bootstrap.__file__, str(task_root), handler, str(started)),
        ]


def _below_our_venv() -> str:
    return str(getattr(sys, "_base_executable", sys.executable))  # venv itself uses this name; there is no public one


def lambda_runtime(state: Path) -> LambdaRuntime:
    directory = state / "lambda-runtime"
    directory.mkdir(parents=True, exist_ok=True)
    _link(directory, dict(_top_level_of(SHIPPED)))
    return LambdaRuntime(emulator=_emulator(), directory=directory, compiled=state / "compiled")


def _emulator() -> Path:
    """The wheel has builds for Linux on x86_64 and arm64 only."""
    name = _EMULATORS.get(platform.machine()) if sys.platform == "linux" else None
    if name is None:
        raise CannotStartError(
            f"the Lambda emulator runs on Linux (x86_64 or arm64), this is {sys.platform} {platform.machine()}; "
            "use a Linux machine or container"
        )
    emulator = Path(str(importlib.metadata.distribution("aws-sam-cli").locate_file(f"samcli/local/rapid/{name}")))
    emulator.chmod(emulator.stat().st_mode | 0o111)  # the wheel carries it without the executable bit
    return emulator


def _link(directory: Path, wanted: dict[str, Path]) -> None:
    """Makes the directory contain exactly these links, so that an upgrade leaves nothing of the old version."""
    for name in {entry.name for entry in directory.iterdir()} - wanted.keys():
        (directory / name).unlink()
    for name, target in wanted.items():
        link = directory / name
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def _top_level_of(names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    for distribution in _with_dependencies(names):
        for file in distribution.files or ():
            first = file.parts[0]
            if first != ".." and not first.startswith("__pycache__"):
                yield first, Path(str(distribution.locate_file(first)))


def _with_dependencies(names: tuple[str, ...]) -> Iterator[importlib.metadata.Distribution]:
    """These distributions and their dependencies, at the versions that requirements-dev.txt pins."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield (distribution := importlib.metadata.distribution(name))
            waiting += [need.name for need in map(Requirement, distribution.requires or ()) if _applies(need)]


def _applies(requirement: Requirement) -> bool:
    """False for a dependency of an extra or of another Python version."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
