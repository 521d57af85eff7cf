"""One Lambda execution environment: AWS's runtime interface emulator, running one function of the template."""

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.lambda_.runtime import LambdaRuntime
from local.machine.ports import free_port
from local.machine.processes import CannotStartError, ServerProcess, spawn, wait_until_ready
from local.template.deployment import Function

_ERROR_KEYS = {"errorMessage", "errorType", "requestId", "stackTrace"}
#: added to the function's time-out on a busy machine
_GRACE_SECONDS = 60
#: How long a handler's import may take before its time counts. Source: Lambda developer guide, "Init phase".
_INIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeResult:
    payload: bytes
    #: None after success; otherwise `payload` is the error as Lambda words it
    error: str | None = None
    #: whether the execution environment is gone, as after a time-out
    worker_lost: bool = False


#: passes an event to a function and waits for the result; threads may share one
Invoke = Callable[[bytes], InvokeResult]


class Emulator:
    """Takes one event at a time, because overlapping events crash it."""

    def __init__(self, function: Function, process: ServerProcess, *, port: int, started: Path) -> None:
        self.function = function
        self.process = process
        self.port = port
        #: whether it has handled an event
        self.warm = False
        self._started = started
        self._runtime_pid: int | None = None

    def start_runtime(self) -> None:
        """Starts the function's process and waits until its handler is imported, for as long as Lambda does.

        The bootstrap answers this event itself.
        """
        answer = self._passed(b"{}")
        if answer.error is not None:
            raise CannotStartError(f"{self.function.name} did not start: {answer.error}")
        self.runtime_pid()
        deadline = time.monotonic() + _INIT_SECONDS
        while not self._started.exists() and self.alive() and time.monotonic() < deadline:
            time.sleep(0.005)

    def invoke(self, event: bytes) -> InvokeResult:
        answer = self._passed(event)
        self.warm = True
        return answer

    def _passed(self, event: bytes) -> InvokeResult:
        timeout = self.function.timeout_seconds + _GRACE_SECONDS
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", event)
            response = connection.getresponse()
            body = response.read()
            return parse_answer(response.status, body)
        except (OSError, http.client.HTTPException) as error:
            return lost_worker(f"{type(error).__name__} {error}")
        finally:
            connection.close()

    def alive(self) -> bool:
        """Also false when only the runtime was killed: the emulator would then fail the next event."""
        return self.process.alive() and (
            self._runtime_pid is None or _living_parent(self._runtime_pid) == self.process.pid
        )

    def runtime_pid(self) -> int | None:
        """The process that runs the handler: the emulator's child."""
        if self._runtime_pid is None:
            self._runtime_pid = next(iter(_children(self.process.pid)), None)
        return self._runtime_pid

    def end(self) -> None:
        self.process.end(grace=0)  # it has nothing to clean up, and its runtime dies with it
        self._started.unlink(missing_ok=True)


def start_emulator(function: Function, *, runtime: LambdaRuntime, aws: Mapping[str, str], log: Path) -> Emulator:
    """Starts an emulator and the function in it, which is the cold start."""
    port = free_port()
    started = log.with_name(f"{log.stem}-{port}.started")
    api_port = free_port(other_than=[port])
    command: list[str | Path] = [
        *(runtime.emulator, "--log-level", "error"),
        *(
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{port}",
            "--runtime-api-address",
            f"127.0.0.1:{api_port}",
        ),
        *runtime.command(handler=function.handler, task_root=function.code, started=started),
    ]
    environment = lambda_environment(function, runtime=runtime, aws=aws)
    process = spawn(command, name=function.name, log=log, cwd=function.code, env=environment, inherit=False)
    emulator = Emulator(function, process, port=port, started=started)
    try:
        wait_until_ready(process, partial(_listens, port))
        emulator.start_runtime()
    except BaseException:
        emulator.end()
        raise
    return emulator


def lambda_environment(function: Function, *, runtime: LambdaRuntime, aws: Mapping[str, str]) -> dict[str, str]:
    """The template's variables, what Lambda itself sets, and the SDK's standard variables that point at moto."""
    # In /opt a later layer replaces the files of an earlier one, so the last layer comes first.
    search_path = [*(layer / "python" for layer in reversed(function.layers)), runtime.directory]
    return {
        **aws,
        **function.environment,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_seconds),  # the emulator enforces it
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "LAMBDA_TASK_ROOT": str(function.code),
        "LAMBDA_RUNTIME_DIR": str(runtime.directory),
        "PYTHONPATH": os.pathsep.join(map(str, search_path)),
        "_HANDLER": function.handler,
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
    }


def parse_answer(status: int, body: bytes) -> InvokeResult:
    """Tells results apart by the body, because the emulator answers 200 even after an exception or a time-out."""
    if status != http.client.OK:  # the runtime died, or the answer was over 6 MB
        return InvokeResult(payload=body, error=_message(body), worker_lost=True)
    try:
        value = json.loads(body or b"null")
    except ValueError:  # plain text: "Task timed out after 3.00 seconds"
        return lost_worker(body.decode(errors="replace"))
    if isinstance(value, dict) and value.keys() == _ERROR_KEYS:
        return InvokeResult(payload=body, error=f"{value['errorType']}: {value['errorMessage']}")
    return InvokeResult(payload=body)


def lost_worker(message: str) -> InvokeResult:
    return InvokeResult(payload=json.dumps({"errorMessage": message}).encode(), error=message, worker_lost=True)


def _message(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        error = json.loads(body)
        return f"{error['errorType']}: {error['errorMessage']}"
    return body.decode(errors="replace") or "the emulator gave no reason"


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _children(pid: int) -> list[int]:
    everyone = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [child for child in everyone if _living_parent(child) == pid]


def _living_parent(pid: int) -> int | None:
    """The parent of a process, or None when it has ended or is a zombie."""
    with suppress(OSError, ValueError):  # the second field is a name in parentheses that may hold anything
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else int(parent)
    return None
