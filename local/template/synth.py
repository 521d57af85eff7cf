"""The local stage's template: what the local stack overrides in, the synthesized template with its assets out."""

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cdk.settings.complaints import SettingsError
from cdk.settings.context import PASSED_CONTEXT, PASSED_OUTDIR, ROOT, merged, own_context
from cdk.settings.stage import LOCAL
from local.machine.lock import turn
from local.machine.processes import CannotStartError, running

_INPUTS = ("app.py", "cdk.json", "requirements.txt", "cdk", "functions", "layers")
_TEMPLATE = f"hongyan-{LOCAL}-delivery.template.json"
_DONE = "inputs.sha256"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def synthesize(settings: Mapping[str, object], *, out: Path, say: Callable[[str], None] = print) -> Path:
    """Stage `local` with `settings` laid over it; made again only when something it depends on changed."""
    context = json.dumps(_context(settings), sort_keys=True)
    out.mkdir(parents=True, exist_ok=True)
    with turn(out / ".lock", waiting=lambda what: say(f"hongyan: {what}")):
        template, done, inputs = out / _TEMPLATE, out / _DONE, _hash(context)
        if not (template.exists() and done.exists() and done.read_text() == inputs):
            say("hongyan: synthesizing the stacks (first time about 20 s: the dependencies layer is installed)")
            done.unlink(missing_ok=True)
            _run_app(context, out)
            done.write_text(inputs)
    return template


def _context(settings: Mapping[str, object]) -> Mapping[str, Any]:
    """cdk.json's context with the overrides laid over it; what is wrong in either, the app itself reports."""
    try:
        context = own_context()
    except SettingsError as error:
        raise CannotStartError(str(error)) from error
    changes = merged(_this_machine(), settings)
    return merged(context, {"stage": LOCAL, "stages": {LOCAL: changes}})


def _this_machine() -> Mapping[str, object]:
    """The layers are imported here, by this interpreter, and not on Lambda."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if architecture is None:
        raise CannotStartError(f"Lambda knows arm64 and x86_64, this machine is {platform.machine()}")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"architecture": architecture, "python": version, "wheels": "this-machine"}


def _run_app(context: str, out: Path) -> None:
    """As the CDK command line runs it. Node and pip below it end with us, like every server."""
    env = {PASSED_CONTEXT: context, PASSED_OUTDIR: str(out)}
    with running([sys.executable, ROOT / "app.py"], name="CDK app", log=out / "app.log", cwd=ROOT, env=env) as app:
        if app.popen.wait():
            reason = app.last_words().strip().rpartition("hongyan: ")[2]  # after what pip or the CDK said before
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
