"""Runs `sam local` against the servers of the running local stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from local.endpoints_file import read_endpoints
from local.machine import die_with_parent
from local.machine.interrupts import Interrupted
from local.machine.port_forwarding import forward_ports
from local.machine.processes import CannotStartError
from local.sam import CONTAINER_HOST
from local.sam.container_engine import bridge_gateway
from local.sam.template import loopback_ports, sam_template

#: an example event for each function
EVENTS = Path("tests") / "events"
_LONGEST_END_SECONDS = 30.0


def invoke(home: Path, function: str, *, event: Path | None, image: str | None, say: Callable[[str], None]) -> int:
    """Invokes a function in a container. The answer is on stdout, the function's log on stderr."""
    event = event or EVENTS / f"{function}.json"
    if not event.is_file():
        raise CannotStartError(f"there is no event {event}; the examples are in {EVENTS}")
    with _ready(home, function, event=event, image=image, say=say) as options:
        return _run(["invoke", function, "--event", str(event), *options])


def start(home: Path, *, port: int, image: str | None, say: Callable[[str], None]) -> int:
    """Serves `ingest`, `claim` and `send` to any AWS client at this port until it is interrupted."""
    with _ready(home, "ingest", event=EVENTS / "ingest.json", image=image, say=say) as options:
        say(f"hongyan: Lambda at http://127.0.0.1:{port}, functions ingest, claim and send (Ctrl-C ends it)")
        return _run(["start-lambda", "--port", str(port), *options])


@contextmanager
def _ready(
    home: Path, function: str, *, event: Path, image: str | None, say: Callable[[str], None]
) -> Iterator[Sequence[str]]:
    """Yields the options that every SAM command needs, while containers can reach the stack's servers."""
    endpoints = read_endpoints(home)
    gateway = bridge_gateway(event=str(event), url=endpoints["functions"][function])
    made = sam_template(endpoints, out=home / "sam" / "cdk.out", say=say)
    options = [
        "--template",
        str(made.template),
        "--env-vars",
        str(made.variables),
        "--add-host",
        f"{CONTAINER_HOST}:{gateway}",
    ]
    options += ["--layer-cache-basedir", str(home / "sam" / "layers")]
    options += ["--skip-pull-image", "--invoke-image", image] if image else []
    with forward_ports(gateway, loopback_ports(endpoints)):
        yield options


def _run(command: Sequence[str]) -> int:
    """In its own session: SAM removes its containers at the first interrupt, but leaves them behind at a second."""
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
