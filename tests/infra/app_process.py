"""Runs the app in a process of its own, as on a machine without an AWS account and without Node on its PATH."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk.settings.context import ROOT
from local.machine.file_lock import wait_for_lock

_HIDDEN = ("AWS_", "CDK_", "JSII_", "PATH")
#: a proxy that leads nowhere, for pip and AWS's libraries, where the network cannot be taken away
_NOWHERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
#: the variables and files from which an account's keys would be read
_NOBODY = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/nonexistent")


def run_app(
    *arguments: str, cwd: Path, passed: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """`under` is a command that runs ours."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    command = [*under, sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, env={**rest, **(passed or {})}, cwd=cwd, capture_output=True, text=True, check=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRun:
    """One run of `make synth`, which writes to cdk.out."""

    printed: str
    #: processor time in seconds
    worked: float
    out: Path = ROOT / "cdk.out"


def run_alone(shared: Path) -> OneRun:
    """At most one for all processes that share the directory."""
    shared.mkdir(exist_ok=True)
    told = shared / "run.json"
    with wait_for_lock(shared / ".lock", waiting=lambda _: None):
        if not told.exists():
            _leave_another_stage(ROOT / "cdk.out")
            began = _processor_seconds()
            done = run_app(cwd=shared, passed={**_NOWHERE, **_NOBODY}, under=_without_network())
            assert done.returncode == 0, done.stderr
            told.write_text(json.dumps({"printed": done.stdout, "worked": _processor_seconds() - began}))
    return OneRun(**json.loads(told.read_text()))


def _leave_another_stage(out: Path) -> None:
    """As an earlier run would, for the next one to remove."""
    out.mkdir(exist_ok=True)
    (out / "hongyan-prod-delivery.template.json").write_text("{}")


def _without_network() -> list[str]:
    """A command that runs another one without even a loopback; empty where the kernel does not allow it."""
    unshare = ["unshare", "--net", "--map-root-user"]
    try:
        tried = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return unshare if tried.returncode == 0 else []


def _processor_seconds() -> float:
    """Of all child processes that have ended, with their own children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
