"""`sam local` against the running local stack: a function and its event, or a port, in; SAM's exit code out."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from local.endpoints import read_endpoints
from local.machine import die_with_parent
from local.machine.forwarders import forwarding
from local.machine.interrupts import Interrupted
from local.machine.processes import CannotStartError
from local.sam.container_engine import bridge_gateway
from local.sam.template import HOST, loopback_ports, sam_template

#: where the examples lie, one for each function
EVENTS = Path("tests") / "events"
_LONGEST_END_SECONDS = 30.0


def invoke(home: Path, function: str, *, event: Path | None, image: str | None, say: Callable[[str], None]) -> int:
    """One event in a container of its own; the answer is on stdout, the function's log on stderr."""
    event = event or EVENTS / f"{function}.json"
    if not event.is_file():
        raise CannotStartError(f"there is no event {event}; the examples are in {EVENTS}")
    with _ready(home, function, event=event, image=image, say=say) as options:
        return _run(["invoke", function, "--event", str(event), *options])


def start(home: Path, *, port: int, image: str | None, say: Callable[[str], None]) -> int:
    """Until it is interrupted, any AWS client can invoke `ingest`, `claim` and `send` at this port."""
    with _ready(home, "ingest", event=EVENTS / "ingest.json", image=image, say=say) as options:
        say(f"hongyan: Lambda at http://127.0.0.1:{port}, functions ingest, claim and send; it ends with Ctrl-C")
        return _run(["start-lambda", "--port", str(port), *options])


@contextmanager
def _ready(
    home: Path, function: str, *, event: Path, image: str | None, say: Callable[[str], None]
) -> Iterator[Sequence[str]]:
    """The options that every command of SAM needs, and the stack's servers in reach of its containers."""
    endpoints = read_endpoints(home)
    gateway = bridge_gateway(event=str(event), url=endpoints["functions"][function])
    made = sam_template(endpoints, out=home / "sam" / "cdk.out", say=say)
    options = ["--template", str(made.template), "--env-vars", str(made.variables), "--add-host", f"{HOST}:{gateway}"]
    options += ["--layer-cache-basedir", str(home / "sam" / "layers")]
    options += ["--skip-pull-image", "--invoke-image", image] if image else []
    with forwarding(gateway, loopback_ports(endpoints)):
        yield options


def _run(command: Sequence[str]) -> int:
    """In a session of its own: SAM removes its containers at the first interrupt, and leaves them at a second."""
    leash = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
    program = [str(Path(sys.executable).with_name("sam")), "local"]
    sam = subprocess.Popen(
        [*leash, *program, *command],
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return sam.wait()
    except Interrupted:
        sam.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            sam.wait(_LONGEST_END_SECONDS)
        raise
    finally:
        sam.kill()
        sam.wait()
