"""Compiles the modules of a layer for its function's Python, so that cold starts do not.

Layers are read-only on Lambda: what was not compiled before is compiled anew at each cold start.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

#: Where Lambda unpacks layers; tracebacks show this path.
_ON_LAMBDA = "/opt"


@cache
def compiler(version: str) -> str | None:
    """A Python of this version on this machine. All patch releases of a version read the same bytecode."""
    candidates = (sys.executable, shutil.which(f"python{version}"))
    return next((one for one in candidates if one and _version_of(one) == version), None)


def mark(version: str) -> str:
    """The part of a layer's identity that depends on this machine: whether it has bytecode."""
    return f"bytecode {version}" if compiler(version) else "no bytecode"


def told(version: str) -> str:
    """A line for the person who synthesizes."""
    if compiler(version):
        return f"bytecode: layers are compiled for Python {version}"
    return f"bytecode: none, because there is no python{version} on the PATH; each cold start compiles the layers again"


def compile_layer(directory: Path, version: str) -> None:
    """Adds bytecode that does not depend on the sources' modification times, which a zip does not keep.

    A file that this Python cannot compile, such as a template of a module, is left alone.
    """
    if python := compiler(version):
        how = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        how += ["-s", str(directory), "-p", _ON_LAMBDA, str(directory)]
        same_each_time = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run([python, *how], env=same_each_time, capture_output=True, check=False)  # noqa: S603 - runs a Python


def _version_of(python: str) -> str:
    """Empty if it does not run: on the PATH may be a version manager's shim, which runs only the chosen version."""
    ask = "import sys; print('%d.%d %s' % (*sys.version_info[:2], sys.version_info.releaselevel))"
    asked = subprocess.run([python, "-S", "-c", ask], capture_output=True, text=True, check=False)  # noqa: S603 - as above
    version, _, level = asked.stdout.strip().partition(" ")
    return version if level == "final" else ""
