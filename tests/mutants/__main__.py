"""Tries every mutant of the chosen modules on the tests near them, and names those that no test noticed."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.servers.mysql import mysql_server
from tests.mutants.ledger import Ledger, baseline_file, digest_of_tests, listed
from tests.mutants.mutant import Key, Mutant
from tests.mutants.mutation import mutants_of
from tests.mutants.targets import ROOT, chosen, needs_mysql, source_of, tests_near
from tests.mutants.trial import Baseline, baseline, survives, warm_up


@dataclass
class Counts:
    mutants: int = 0
    killed: int = 0
    listed: int = 0
    survivors: list[Key] = field(default_factory=list)
    #: Listed, but no such mutant is made any more, or a test notices it now.
    stale: list[Key] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a module or a folder, such as domain/transition")
    modules = chosen(parser.parse_args().only)
    if not modules:
        parser.error("there is no such module")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    warm_up()
    with ExitStack() as ending:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = ending.enter_context(tempfile.TemporaryDirectory())
        if any(needs_mysql(module) for module in modules):
            ending.enter_context(_mysql())
        results = [_tried(module) for module in modules]
    return _told(modules, results)


@contextmanager
def _mysql() -> Iterator[None]:
    """One server for all mutants."""
    with tempfile.TemporaryDirectory() as state, mysql_server(Path(state), cache=ROOT / ".local" / "cache") as server:
        os.environ["DATABASE_URL"] = server.url
        yield


def _tried(module: str) -> Counts:
    counts, ledger, tests, allowed = Counts(), Ledger.of(module), digest_of_tests(module), listed()
    mutants = list(mutants_of(module, source_of(module).read_text()))
    known = _Known(module)
    for mutant in mutants:
        counts.mutants += 1
        if not ledger.is_known(mutant, tests):
            ledger.note(mutant, tests, survived=known.survives(mutant))
        if mutant.digest in ledger.killed:
            counts.killed += 1
        elif mutant.key in allowed:
            counts.listed += 1
        else:
            counts.survivors.append(mutant.key)
            _progress("")
            print(f"{mutant.key}\n", flush=True)
        _progress(f"{module}: {counts.mutants} of {len(mutants)}, {len(counts.survivors)} survived")
    made = {mutant.key for mutant in mutants if mutant.digest not in ledger.killed}
    counts.stale = [key for key in allowed if key.module == module and key not in made]
    _progress("")
    return counts


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


@dataclass
class _Known:
    module: str
    _baseline: Baseline | None = None
    #: The tests that failed last: a mutant's neighbours are often noticed by the same.
    _failed: tuple[str, ...] = ()

    def survives(self, mutant: Mutant) -> bool:
        near, failed = self.baseline().tests_for(mutant.lines), baseline_file(self.module).with_suffix(".failed")
        failed.unlink(missing_ok=True)
        first = {test: near[test] for test in self._failed if test in near}
        survived = not near or survives(self.module, mutant.source, {**first, **near}, failed)
        if failed.exists():
            self._failed = (failed.read_text(), *self._failed[:1])
        return survived

    def baseline(self) -> Baseline:
        """Measured when a mutant is to be tried, not before."""
        if self._baseline is None:
            file = baseline_file(self.module)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            tests = [test for test in tests_near(self.module) if test.exists()]
            self._baseline = baseline(self.module, tests, file)
            for test in self._baseline.failed if self._baseline else ():
                print(f"{self.module}: left out, because it fails as it is: {test}")
        if self._baseline is None:
            sys.exit(f"the tests near {self.module} fail as it is: {' '.join(map(str, tests_near(self.module)))}")
        return self._baseline


def _told(modules: Sequence[str], results: Sequence[Counts]) -> int:
    print(f"{'module':28}{'mutants':>9}{'killed':>9}{'listed':>9}{'survivors':>11}")
    for module, counts in zip(modules, results, strict=True):
        print(f"{module:28}{counts.mutants:9}{counts.killed:9}{counts.listed:9}{len(counts.survivors):11}")
    stale = [key for counts in results for key in counts.stale]
    for key in stale:
        print(f"listed, and no survivor any more:\n{key}")
    return 1 if stale or any(counts.survivors for counts in results) else 0


if __name__ == "__main__":
    sys.exit(main())
