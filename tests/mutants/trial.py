"""Runs tests in a process of their own, against a module's source as it is or as a mutant has it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, ModuleType

import coverage
import pytest

from tests.mutants.targets import ROOT, imported_as, source_of

#: Imported before the processes are forked, so that none of them has to. Nothing of this repository is among them.
_COMMON = (
    "_hypothesis_pytestplugin",
    "hypothesis.strategies",
    "pydantic",
    "_pytest.config",
    "sqlalchemy.dialects.mysql.pymysql",
    "requests",
    "cryptography.x509",
    "alembic.command",
)
_OURS = ("hongyan_producer", "delivery", "functions", "local", "tests", "conftest")
#: Plugins that make a failure readable, or the run slower, are left out: only whether a test fails is asked.
_PYTEST = (
    *("-q", "--assert=plain", "--hypothesis-seed=1", f"--rootdir={ROOT}", "-p", "_hypothesis_pytestplugin"),
    *("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
_IMPORT = ""
_LEAST_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the tests near a module run of it, while nothing is wrong with it."""

    #: By test, in seconds: the fastest first.
    seconds: Mapping[str, float]
    #: Tests that fail as it is, and so can notice nothing.
    failed: Sequence[str]
    #: By line, the tests that run it; `""` is among them if importing does.
    runs: Mapping[int, Sequence[str]]

    def tests_for(self, lines: frozenset[int]) -> Mapping[str, float]:
        """Those that may notice a change of these lines, the fastest first, each with its seconds.

        What has an effect at import may be noticed by any test, most likely by one that runs the module's functions.
        """
        running = {test for line in lines for test in self.runs.get(line, ())}
        if not lines or _IMPORT in running:
            likely = {test for tests in self.runs.values() for test in tests}
            return dict(sorted(self.seconds.items(), key=lambda pair: pair[0] not in likely))
        return {test: seconds for test, seconds in self.seconds.items() if test in running}


def warm_up() -> None:
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in _COMMON:
        import_module(name)


def baseline(module: str, tests: Sequence[Path], answer: Path) -> Baseline | None:
    """None if all of these tests fail as it is."""
    _in_a_process(_Run(module=module, source=None, tests=[str(test) for test in tests], answer=answer), seconds=1_200)
    if not answer.exists():
        return None
    told = json.loads(answer.read_text())
    seconds = dict(sorted(told["seconds"].items(), key=lambda pair: pair[1]))
    return Baseline(
        seconds=seconds, failed=told["failed"], runs={int(line): some for line, some in told["runs"].items()}
    )


def survives(module: str, source: str, tests: Mapping[str, float], failed: Path) -> bool:
    """Whether these tests pass with this source for the module. A test that takes far longer than as it is has noticed.

    Args:
        tests: each with the seconds that it takes as it is.
        failed: takes the name of the test that failed.
    """
    patience = _Patience(tests, failed)
    run = _Run(module=module, source=source, tests=list(tests), patience=patience)
    return _in_a_process(run, seconds=sum(patience.of(test) for test in tests)) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    module: str
    source: str | None
    tests: Sequence[str]
    answer: Path | None = None
    patience: _Patience | None = None

    def __call__(self) -> None:
        os.setsid()
        os.chdir(ROOT)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _forget_ours()
        with Path(os.devnull).open("w") as nowhere:
            for stream in (1, 2):
                os.dup2(nowhere.fileno(), stream)
        path = source_of(self.module)
        if self.source is not None:
            sys.meta_path.insert(0, _Finder(imported_as(self.module), path, self.source))
        seen = _Seen(path) if self.answer else None
        options, plugin = (_PYTEST, seen) if seen else ((*_PYTEST, "-x"), self.patience)
        status = pytest.main([*options, *self.tests], plugins=[plugin])
        if seen and self.answer and seen.seconds:
            self.answer.write_text(json.dumps(seen.told()))
        os._exit(int(status))  # nothing of the process that was forked is to be ended here


def _in_a_process(run: _Run, *, seconds: float) -> int | None:
    process = get_context("fork").Process(target=run)
    process.start()
    try:
        process.join(seconds)
    finally:
        with suppress(ProcessLookupError):  # what the tests started may outlive them
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
    return process.exitcode


def _forget_ours() -> None:
    for name in [
        name for name in sys.modules if name.partition(".")[0] in _OURS and not name.startswith("tests.mutants")
    ]:
        if name != "tests":
            del sys.modules[name]


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the mutant in place of its module."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path = name, path
        self.loader = _Loader(name, str(path), source)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_file_location(fullname, self.path, loader=self.loader) if fullname == self.name else None


@dataclass(eq=False)  # pytest keeps its plugins in a set
class _Patience:
    """A plugin that ends the process when a test takes far too long: a mutant may wait for ever."""

    seconds: Mapping[str, float]
    failed: Path

    def of(self, test: str) -> float:
        return _LEAST_SECONDS + 3 * self.seconds[test]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        signal.setitimer(signal.ITIMER_REAL, self.of(item.nodeid))  # its signal ends a process
        result = yield
        signal.setitimer(signal.ITIMER_REAL, 0)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.write_text(report.nodeid)


@dataclass(eq=False)
class _Seen:
    """A plugin that remembers which test ran which line, and how long it took; a test that fails is left out."""

    path: Path
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.coverage = coverage.Coverage(data_file=None, include=[str(self.path)], messages=False)
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        self.coverage.switch_context(item.nodeid)
        began = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - began
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)

    def told(self) -> Mapping[str, object]:
        self.coverage.stop()
        seconds = {test: seconds for test, seconds in self.seconds.items() if test not in self.failed}
        return {
            "seconds": seconds,
            "failed": self.failed,
            "runs": self.coverage.get_data().contexts_by_lineno(str(self.path)),
        }
