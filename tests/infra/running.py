"""The app in a process of its own, on a machine with neither an AWS account nor Node on its PATH."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdk.settings.context import ROOT

_HIDDEN = ("AWS_", "CDK_", "JSII_", "PATH")


def run_app(
    *arguments: str, cwd: Path, passed: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """`under` is a command that runs ours."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    command = [*under, sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, env={**rest, **(passed or {})}, cwd=cwd, capture_output=True, text=True, check=False)
