"""The mutation tester: what it changes, how a mutant is named, and that its tables name what is there."""

from __future__ import annotations

from collections.abc import Iterator

from tests.mutants import targets
from tests.mutants.ledger import listed
from tests.mutants.mutant import Key, Mutant

SOURCE = '''"""Words."""
from dataclasses import dataclass

LIMIT: "int" = 5
QUERY = "SELECT id FROM t WHERE a = 1 FOR UPDATE SKIP LOCKED"


@dataclass(frozen=True)
class Thing:
    size: int = 3

    @property
    def fits(self) -> bool:
        if self.size < LIMIT and self.size:
            print("fits")
        return bool(sorted([self.size]))
'''


def made_of(source: str) -> Iterator[Mutant]:
    from tests.mutants.mutation import mutants_of  # noqa: PLC0415  # libcst takes a second in each of the test processes

    return mutants_of("m", source)


def changes(source: str) -> set[tuple[str, str]]:
    return {(mutant.key.where, mutant.key.now) for mutant in made_of(source)}


def test_what_means_something_is_changed_inside_functions_and_outside() -> None:
    """Decorated functions, statements of SQL and constants as well."""
    made = changes(SOURCE)
    assert {
        ("", 'LIMIT: "int" = 6'),
        ("", 'QUERY = "SELECT id FROM t WHERE a = 1 FOR UPDATE "'),
        ("Thing", "size: int = 4"),
        ("Thing.fits", "if self.size <= LIMIT and self.size:"),
        ("Thing.fits", "if self.size < LIMIT:"),
        ("Thing.fits", "if True:"),
        ("Thing.fits", "..."),
        ("Thing.fits", "return bool(list([self.size]))"),
    } <= made


def test_types_decorators_and_imports_are_left_alone() -> None:
    """They are mypy's business, or nobody's."""
    assert not [now for _, now in changes(SOURCE) if "frozen" in now or "import" in now or "XXWords" in now]


def test_a_mutant_s_name_does_not_change_when_lines_move() -> None:
    """So a listed one stays listed."""
    moved = SOURCE.replace("LIMIT:", "\n\nOTHER = None\nLIMIT:")
    assert {mutant.key for mutant in made_of(SOURCE)} <= {mutant.key for mutant in made_of(moved)}
    assert Key(module="m", where="Thing", was="size: int = 3", now="size: int = 4") in {
        mutant.key for mutant in made_of(moved)
    }


def test_a_change_of_a_function_needs_its_lines_and_one_outside_needs_none() -> None:
    """What has an effect at import may be noticed by any test."""
    by_change = {mutant.key.now: mutant.lines for mutant in made_of(SOURCE)}
    assert by_change["return bool(list([self.size]))"] == {16}
    assert by_change['LIMIT: "int" = 6'] == frozenset()


def test_the_tables_name_what_is_there() -> None:
    """Modules and the tests near them; what may survive is in one of these modules, and has a reason."""
    for module in targets.NEAR:
        assert targets.source_of(module).is_file()
        assert [test for test in targets.tests_near(module) if not test.is_file()] == []
    assert {key.module for key in listed()} <= set(targets.NEAR)
    assert all(listed().values())
