"""Finds the Python that the deployed functions are measured in: Lambda's version, or else the one that runs us."""

import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdk.build.wheels import Target
from local.machine.processes import CannotStartError
from tests.infra.layers.clean_python import VERSION, clean_python

_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPython:
    """An interpreter, and for what the layers are built so that it can import them."""

    command: tuple[str, ...]
    target: Target
    #: of the stage that is synthesized for it
    settings: Mapping[str, str] = field(default_factory=dict)
    #: empty where it is Lambda's version
    caveat: str = ""

    def named_in(self, directory: Path) -> Path:
        """A directory for the PATH, where a synthesis finds this Python and compiles the layers with it."""
        directory.mkdir(parents=True)
        script = directory / f"python{self.target.python}"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(self.command)} "$@"\n')
        script.chmod(0o755)
        return directory


def function_python(cache: Path) -> FunctionPython:
    architecture = _ARCHITECTURES[platform.machine()]
    try:
        command = clean_python(cache)
    except CannotStartError:
        return _own_python(architecture)
    return FunctionPython(
        command=command,
        target=Target(python=VERSION, architecture=architecture),
        settings={"architecture": architecture, "python": VERSION},
    )


def _own_python(architecture: str) -> FunctionPython:
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    return FunctionPython(
        command=(sys.executable,),
        target=Target(python=mine, architecture=architecture, here=True),
        settings={"architecture": architecture, "python": mine, "wheels": "this-machine"},
        caveat=f", in Python {mine}, because {VERSION} is not here",
    )
