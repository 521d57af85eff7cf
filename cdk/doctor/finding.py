"""What a check says: a verdict, what was found, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    check: str
    verdict: Verdict
    found: str
    #: Empty if there is nothing to do.
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check=check, verdict="ok", found=found)


def warn(check: str, found: str, remedy: str) -> Finding:
    return Finding(check=check, verdict="warn", found=found, remedy=remedy)


def fail(check: str, found: str, remedy: str) -> Finding:
    return Finding(check=check, verdict="fail", found=found, remedy=remedy)


def something_fails(findings: Iterable[Finding]) -> bool:
    return any(it.verdict == "fail" for it in findings)
