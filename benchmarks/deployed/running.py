"""Runs functions in an interpreter that has what is deployed and nothing else."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.deployed.assets import Assets
from benchmarks.deployed.python import FunctionPython

_CALLS = Path(__file__).with_name("calls.py")
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    python: FunctionPython
    assets: Assets
    #: the functions' variables
    environment: Mapping[str, str]

    def run(self, work: str, word: str, events: Iterable[Event] = (), *, keep_bytecode: bool = False) -> Any:  # noqa: ANN401 - JSON
        """What calls.py measures; `word` is the function whose modules there are."""
        options = ["-I", "-S", *([] if keep_bytecode else ["-B"])]
        command = [*self.python.command, *options, str(_CALLS), work, *self.assets.path_of(word)]
        given = "".join(json.dumps(event) + "\n" for event in events)
        ended = subprocess.run(
            command, input=given, env=self.environment, cwd="/", capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise RuntimeError(f"calls.py {work} failed for {word}:\n{ended.stdout[-2000:]}{ended.stderr}")
        return json.loads(ended.stdout.splitlines()[-1])
