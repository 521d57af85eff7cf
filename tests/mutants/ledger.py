"""What is known of mutants: those that were tried before, and survivors that are listed with a reason."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutants.mutant import Key, Mutant
from tests.mutants.targets import ROOT, source_of, tests_near

_TESTS = ROOT / "tests"
_LIST = Path(__file__).with_name("equivalent.toml")
_TRIED = ROOT / ".local" / "mutants"


def listed() -> Mapping[Key, str]:
    """The survivors that may survive, with the reason."""
    entries = tomllib.loads(_LIST.read_text()).get("mutant", [])
    return {
        Key(module=entry["module"], where=entry["where"], was=entry["was"], now=now): entry["why"]
        for entry in entries
        for now in entry["now"]
    }


@dataclass
class Ledger:
    """One module's mutants. What was killed stays killed; a survivor is tried again when the tests have changed."""

    module: str
    killed: set[str] = field(default_factory=set)
    survived: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, module: str) -> Ledger:
        file = _file(module)
        known = json.loads(file.read_text()) if file.exists() else {"killed": [], "survived": {}}
        return cls(module=module, killed=set(known["killed"]), survived=known["survived"])

    def is_known(self, mutant: Mutant, tests: str) -> bool:
        return mutant.digest in self.killed or self.survived.get(mutant.digest) == tests

    def note(self, mutant: Mutant, tests: str, *, survived: bool) -> None:
        self.survived.pop(mutant.digest, None)
        if survived:
            self.survived[mutant.digest] = tests
        else:
            self.killed.add(mutant.digest)
        file = _file(self.module)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"killed": sorted(self.killed), "survived": self.survived}))


def digest_of_tests(module: str) -> str:
    """Of the module, the tests near it, and the fakes and samples beside and above those."""
    near = tests_near(module)
    rooms = {room for test in near for room in test.parents if room.is_relative_to(_TESTS)}
    beside = {file for room in rooms for file in room.glob("*.py") if not file.name.startswith("test_")}
    return _digest([source_of(module), _TESTS / "unit" / "samples.py", *near, *beside])


def baseline_file(module: str) -> Path:
    return _file(module).with_suffix(".baseline.json")


def _file(module: str) -> Path:
    return _TRIED / f"{module.replace('/', '.')}.json"


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:20]
