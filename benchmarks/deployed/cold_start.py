"""Measures cold starts of what is deployed: a function's import and first call in a fresh interpreter, over a floor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

from benchmarks.databases import fresh_database
from benchmarks.deployed.assets import synthesized
from benchmarks.deployed.events import channel_request, kafka_event, queue_event
from benchmarks.deployed.python import function_python
from benchmarks.deployed.replayed_aws import replayed
from benchmarks.deployed.running import Deployed, Event
from benchmarks.deployed.surroundings import save_channels, variables
from benchmarks.report.figures import COLD_START, COLD_START_OF, COLD_START_OF_API, Measured
from benchmarks.rounds import Turn, take_turns
from benchmarks.steps import Bench
from cdk.settings.context import ROOT
from local.servers.aws import aws_server

CACHE = ROOT / ".local" / "cache"
_ROUNDS = 21
_FLOOR = "floor"
#: the function whose layers the floor imports from
_LENDER = "send"
_NO_FEISHU = "http://127.0.0.1:9"


def measure(bench: Bench) -> dict[str, Measured]:
    python = function_python(CACHE)
    shipped = synthesized(python, bench.state / "deployed")
    with (
        fresh_database(bench.server, "start") as database,
        aws_server(bench.state / "aws") as aws,
        replayed(aws) as quick,
    ):
        environment = {**variables(database, aws, origin=_NO_FEISHU), **quick.environment}
        save_channels(database, aws, environment)
        events: Mapping[str, Callable[[], Event]] = {
            "ingest": lambda: kafka_event(1),
            "claim": lambda: queue_event(database.engine, 1),  # a due row; a tick of the schedule is no event to read
            "send": lambda: queue_event(database.engine, 1),
            "api": channel_request,
        }
        starts = _Starts(deployed=Deployed(python=python, assets=shipped, environment=environment), events=events)
        sources = starts.from_sources(bench.state / "deployed")
        each = take_turns({**starts.turns(""), **sources.turns("sources ")}, rounds=_ROUNDS)
    return _figures(each, python.caveat)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Starts:
    deployed: Deployed
    #: what makes an event for each function
    events: Mapping[str, Callable[[], Event]]

    def from_sources(self, into: Path) -> Self:
        """The same without the bytecode that the layers carry.

        Bytecode of the standard library and of the runtime's own packages is there for both, as Lambda has it: starts
        of a copy that is not measured make it.
        """
        unmeasured, sources = (self._without_bytecode(into / name) for name in ("unmeasured", "sources"))
        for work in (_FLOOR, *self.events):
            unmeasured.start(work, keep_bytecode=True)
        return sources

    def _without_bytecode(self, out: Path) -> Self:
        return replace(self, deployed=replace(self.deployed, assets=self.deployed.assets.without_bytecode(out)))

    def turns(self, prefix: str) -> dict[str, Turn]:
        return {f"{prefix}{work}": partial(self.start, work) for work in (_FLOOR, *self.events)}

    def start(self, work: str, *, keep_bytecode: bool = False) -> float:
        if work == _FLOOR:
            return float(self.deployed.run("floor", _LENDER, keep_bytecode=keep_bytecode))
        return float(self.deployed.run("first", work, [self.events[work]()], keep_bytecode=keep_bytecode))


def _figures(each: Mapping[str, float], caveat: str) -> dict[str, Measured]:
    every = {word: _measured(word, each, caveat) for word in COLD_START_OF}
    largest = max(every, key=lambda word: every[word].value)
    return {
        COLD_START.name: Measured(value=every[largest].value, detail=f"the {largest} function"),
        **{COLD_START_OF[word].name: measured for word, measured in every.items()},
        COLD_START_OF_API.name: _measured("api", each, caveat),
    }


def _measured(word: str, each: Mapping[str, float], caveat: str) -> Measured:
    cold, floor, slow, slow_floor = (
        1000 * each[name] for name in (word, _FLOOR, f"sources {word}", f"sources {_FLOOR}")
    )
    from_sources = f"without bytecode in the layers {slow:.0f} ms over {slow_floor:.0f} ms"
    return Measured(value=cold / floor, detail=f"{cold:.0f} ms over {floor:.0f} ms; {from_sources}{caveat}")
