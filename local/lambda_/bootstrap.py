"""The program that the emulator starts in a function's own process: `bootstrap.py TASK_ROOT HANDLER STARTED`.

It imports nothing of this project or of the .venv: only the function, its layers and the runtime are on its path.

The emulator starts it with the first event, and counts against the function's time-out how long the handler's import
takes. Lambda does not count that. So the first event is the local stack's own and is answered here before the import,
and the file STARTED appears when the handler is ready for events.
"""

import ctypes
import os
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    task_root, handler, started = sys.argv[1:]
    _die_with_the_emulator()
    # In Lambda's order: the function, then (from PYTHONPATH) its layers and the runtime. This replaces our directory.
    sys.path[0] = task_root
    _run(handler, Path(started))


def _run(handler: str, started: Path) -> None:
    # Importable only now that sys.path is set.
    from awslambdaric import bootstrap  # noqa: PLC0415
    from awslambdaric.lambda_config import LambdaConfigProvider  # noqa: PLC0415
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    class Client(LambdaRuntimeClient):  # type: ignore[misc]  # it has no types
        first: Future[Any] | None = None

        def answer_our_own(self) -> None:
            """Answers our first event. Asking for the next one counts as the answer, and cannot wait for the import."""
            own = super().wait_next_invocation()
            self.post_invocation_result(own.invoke_id, "null", "application/json")
            self.first = ThreadPoolExecutor(1).submit(super().wait_next_invocation)

        def wait_next_invocation(self) -> Any:  # noqa: ANN401 - of awslambdaric, which has no types
            started.touch()
            first, self.first = self.first, None
            return first.result() if first else super().wait_next_invocation()

        def post_init_error(self, error: object) -> None:
            """A handler that cannot be imported fails its first event."""
            self.post_invocation_error(self.wait_next_invocation().invoke_id, bootstrap.to_json(error), "")

    config = LambdaConfigProvider(["", handler])
    client = Client(config.api_address, config.use_thread_polling)
    if not started.exists():  # otherwise this is a second runtime, and its event is the handler's
        client.answer_our_own()
    bootstrap.run(handler, client)


def _die_with_the_emulator() -> None:
    """Ends with the emulator, which puts this process into its own group, out of reach of the emulator's signals."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:  # the emulator died before the line above took effect
        sys.exit(1)


if __name__ == "__main__":
    main()
