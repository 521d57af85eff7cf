"""Synthesizes the template of stage `local`, unless nothing that it depends on has changed."""

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cdk.error import SettingsError
from cdk.settings.context import PASSED_CONTEXT, PASSED_OUTDIR, ROOT, merged, own_context
from cdk.settings.stage import LOCAL
from local.machine.file_lock import wait_for_lock
from local.machine.processes import CannotStartError, running

_INPUTS = ("app.py", "cdk.json", "requirements.txt", "cdk", "functions", "layers", "producer")
TEMPLATE = f"hongyan-{LOCAL}-delivery.template.json"
_DONE = "inputs.sha256"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def synthesize(settings: Mapping[str, object], *, out: Path, say: Callable[[str], None] = print) -> Path:
    """Synthesizes stage `local` with `settings` laid over it."""
    context = json.dumps(_context(settings), sort_keys=True)
    out.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(out / ".lock", waiting=lambda what: say(f"hongyan: {what}")):
        template, done, inputs = out / TEMPLATE, out / _DONE, _hash(context)
        if not (template.exists() and done.exists() and done.read_text() == inputs):
            say("hongyan: synthesizing the stacks (first time about 20 s: the dependencies layer is installed)")
            done.unlink(missing_ok=True)
            _run_app(context, out)
            done.write_text(inputs)
    return template


def _context(settings: Mapping[str, object]) -> Mapping[str, Any]:
    """cdk.json's context with the overrides laid over it; the app itself reports what is wrong in either."""
    try:
        context = own_context()
    except SettingsError as error:
        raise CannotStartError(str(error)) from error
    changes = merged(_this_machine(), settings)
    return merged(context, {"stage": LOCAL, "stages": {LOCAL: changes}})


def _this_machine() -> Mapping[str, object]:
    """The layers are imported by this interpreter, not by Lambda's."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if architecture is None:
        raise CannotStartError(f"Lambda knows arm64 and x86_64, this machine is {platform.machine()}")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"architecture": architecture, "python": version, "wheels": "this-machine"}


def _run_app(context: str, out: Path) -> None:
    """Runs the app as the CDK command line does, as a child process that ends with us."""
    env = {PASSED_CONTEXT: context, PASSED_OUTDIR: str(out)}
    with running([sys.executable, ROOT / "app.py"], name="CDK app", log=out / "app.log", cwd=ROOT, env=env) as app:
        if app.popen.wait():
            reason = app.log_tail().strip().rpartition("hongyan: ")[2]  # without what pip or the CDK printed before
            raise CannotStartError(f"the stacks could not be synthesized: {reason}")


def _hash(context: str) -> str:
    digest = hashlib.sha256(f"{context}\n{sys.version}\n{sys.executable}".encode())
    for file in _input_files():
        digest.update(f"\n{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _input_files() -> Iterator[Path]:
    for name in _INPUTS:
        path = ROOT / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)
