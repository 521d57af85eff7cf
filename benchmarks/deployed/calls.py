"""Calls a function in a fresh interpreter and prints JSON: `calls.py first|warm|floor DIRECTORY…`.

Modules are looked for in the directories, in their order, and then in the standard library. Each line of standard
input is an event. `first` prints the seconds of the import and the first call; `warm`, the processor seconds of every
call; `floor`, the seconds of what no function can do without. What this file imports itself is not measured.
"""

import importlib
import json
import sys
import types
from time import perf_counter, process_time

_OK = 200


def main(work: str, *directories: str) -> None:
    sys.path[:0] = directories
    events = [json.loads(line) for line in sys.stdin]
    print(json.dumps({"first": _first, "warm": _warm, "floor": _floor}[work](events)))


def _first(events: list[object]) -> float:
    began = perf_counter()
    answer = importlib.import_module("handler").handler(events[0], _CONTEXT)
    took = perf_counter() - began
    if answer.get("statusCode", _OK) != _OK:
        raise RuntimeError(answer["body"])  # an error is answered, too
    return took


def _warm(events: list[object]) -> list[float]:
    handler, took = importlib.import_module("handler").handler, []
    for event in events:
        began = process_time()  # of all threads
        handler(event, _CONTEXT)
        took.append(process_time() - began)
    return took


def _floor(_events: list[object]) -> float:
    """An AWS client, a MySQL driver and SQLAlchemy."""
    began = perf_counter()
    for module in ("boto3", "pymysql", "sqlalchemy"):
        importlib.import_module(module)
    sys.modules["boto3"].client("sqs")
    return perf_counter() - began


_CONTEXT = types.SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:local:0:function:bench",
    aws_request_id="bench",
    get_remaining_time_in_millis=lambda: 60_000,
)

if __name__ == "__main__":
    main(*sys.argv[1:])
