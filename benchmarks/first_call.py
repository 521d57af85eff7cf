"""A fresh interpreter's work, timed: `first_call.py function WORD EVENT` or `first_call.py imports MODULE…`.

Out comes a line of JSON: the seconds that it took and, for a function, the third-party modules that it imported.
Run as a program with nothing else imported: what this file imports itself is not measured.
"""

import importlib
import json
import sys
import types
from time import perf_counter

_OURS = {"delivery", "functions", "__main__"}


def main(what: str, *arguments: str) -> None:
    result = _function(*arguments) if what == "function" else _imports(*arguments)
    print(json.dumps(result))


def _function(word: str, event: str) -> dict[str, object]:
    """Importing the handler and calling it once, and the modules of others that this loaded."""
    began = perf_counter()
    module = importlib.import_module(f"functions.{word}.handler")
    imported = perf_counter()
    document, context = json.loads(event), _context(word)
    called = perf_counter()
    module.handler(document, context)
    seconds = imported - began + perf_counter() - called
    return {"seconds": seconds, "modules": _third_party()}


def _imports(*modules: str) -> dict[str, object]:
    began = perf_counter()
    for module in modules:
        importlib.import_module(module)
    return {"seconds": perf_counter() - began}


def _third_party() -> list[str]:
    """In the order in which they were imported; only those that can be imported by name."""
    known = sys.stdlib_module_names | _OURS
    loaded = [(name, module.__spec__) for name, module in sys.modules.items() if name.partition(".")[0] not in known]
    return [name for name, spec in loaded if spec is not None and spec.name == name and spec.origin]


def _context(word: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(
        function_name=word,
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:local:0:function:{word}",
        aws_request_id="first-call",
        get_remaining_time_in_millis=lambda: 20_000,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
