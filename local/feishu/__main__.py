"""Runs the simulator as a process, until it is interrupted: `python -m local.feishu --port N [--fault JSON]`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress

from local.feishu.fault_form import FaultError, parse_fault
from local.feishu.faults import Fault
from local.feishu.receiver import Receiver
from local.feishu.server.serving import serving


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    receiver = Receiver()
    receiver.faults.add(*options.fault)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(receiver, options.host, options.port))
    except OSError as error:
        print(f"feishu simulator: cannot listen on {options.host} port {options.port}: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(receiver: Receiver, host: str, port: int) -> None:
    async with serving(receiver, host=host, port=port) as listening_on:
        print(f"Feishu simulator on http://{host}:{listening_on}", flush=True)
        await asyncio.Event().wait()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.feishu", description="A stand-in for Feishu's webhooks.")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; 0, the default, chooses a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        help='a fault as for POST /_faults, such as \'{"kind": "slow", "delay": 0.1}\'; may be given several times',
    )
    return parser.parse_args(arguments)


def _fault(text: str) -> Fault:
    try:
        return parse_fault(json.loads(text))
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"should be JSON: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
