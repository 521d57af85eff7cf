"""Makes the mutants of a module: its source with one small change each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from tests.mutants.mutant import Key, Mutant
from tests.mutants.operators import changes_of, is_left_alone


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Each once, in the order of the source."""
    tree = MetadataWrapper(cst.parse_module(source))
    finder = _Finder(tree.resolve(PositionProvider))
    tree.module.visit(finder)
    made = {source}
    for change in finder.found:
        changed = _after(tree.module, source, change)
        if changed not in made and _is_python(changed):
            made.add(changed)
            was, now = _difference(source, changed)
            key = Key(module=module, where=change.where, was=was, now=now)
            yield Mutant(key=key, source=changed, lines=change.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    old: cst.CSTNode
    new: cst.CSTNode
    where: str
    place: CodeRange
    lines: frozenset[int]


def _after(module: cst.Module, source: str, change: _Change) -> str:
    if isinstance(change.new, cst.Match):  # its cases need their indentation
        return cast(cst.Module, module.deep_replace(change.old, change.new)).code
    lines = source.splitlines(keepends=True)
    begin, end = change.place.start, change.place.end
    before = "".join(lines[: begin.line - 1]) + lines[begin.line - 1][: begin.column]
    after = lines[end.line - 1][end.column :] + "".join(lines[end.line :])
    return before + module.code_for_node(change.new) + after


def _is_python(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, without the others and without their indentation."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), n=0))[2:]
    return _lines_with("-", lines), _lines_with("+", lines)


def _lines_with(sign: str, lines: Sequence[str]) -> str:
    return " ".join(" ".join(line[1:] for line in lines if line.startswith(sign)).split())


class _Finder(cst.CSTVisitor):
    """Walks through a module, and remembers what may be changed where."""

    def __init__(self, places: Mapping[cst.CSTNode, CodeRange]) -> None:
        super().__init__()
        self.found: list[_Change] = []
        self._places = places
        self._around: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if is_left_alone(node):
            return False
        self._around.append(node)
        for old, new in changes_of(node):
            place = self._places[old]
            self.found.append(_Change(old=old, new=new, where=self._where(), place=place, lines=self._lines(place)))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._around and self._around[-1] is original_node:
            self._around.pop()

    def _where(self) -> str:
        return ".".join(node.name.value for node in self._around if isinstance(node, cst.FunctionDef | cst.ClassDef))

    def _lines(self, place: CodeRange) -> frozenset[int]:
        """Of the whole statement, if it is one without others in it."""
        if not any(isinstance(node, cst.FunctionDef) for node in self._around):
            return frozenset()
        statements = [node for node in self._around if isinstance(node, cst.SimpleStatementLine)]
        whole = self._places[statements[-1]] if statements else place
        return frozenset(range(whole.start.line, whole.end.line + 1))
