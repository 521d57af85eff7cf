"""An answer of Feishu: what came over the wire, and what can be read in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from delivery.domain.outcome import TemporaryFailure
from delivery.feishu.masking import masked

_SHOWN = 200
_STORED_BODY = 4_000
_CODES_END = 10**18
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)
_NOT_JSON = object()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, header names in lower case, and the body, cut. Any bytes can be read without an error."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    #: The body was longer than we read, so it did not come from Feishu.
    cut: bool = False
    #: What ended the answer too early, if something did: the body is what had come by then.
    broken_off: TemporaryFailure | None = None
    #: Masked in what is stored and logged, should the answer repeat them.
    hidden: tuple[str, ...] = ()

    @property
    def is_broken(self) -> bool:
        return self.cut or self._document is _NOT_JSON

    @cached_property
    def code(self) -> int | None:
        """`code`, or the older `StatusCode`; 0 if the body has neither, None if it is not a number."""
        if not isinstance(self._document, dict):
            return 0
        code = self._document.get("code", self._document.get("StatusCode", 0))
        if isinstance(code, str) and _DIGITS.fullmatch(code):
            return int(code)
        whole = isinstance(code, int) and not isinstance(code, bool) and abs(code) < _CODES_END
        return code if whole else None

    @property
    def provider_code(self) -> int | None:
        """The code for logs and metrics; None where the body gives none."""
        return self.code if isinstance(self._document, dict) and self._document else None

    @property
    def reason(self) -> str:
        """Status, code and Feishu's own words, as they are stored and logged."""
        code = self.code if isinstance(self._document, dict) else None
        words = masked(self.words.encode(), self.hidden).decode("utf-8", "replace")[:_SHOWN]
        return f"Feishu answered HTTP {self.status}, code {'-' if code is None else code}: {words}"

    @property
    def words(self) -> str:
        """What Feishu said, or what is the matter with its answer."""
        if not isinstance(self._document, dict):
            return "the body is not JSON" if self.is_broken else "the body is not a JSON object"
        said = self._document.get("msg", self._document.get("StatusMessage", ""))
        # JSON may hold half a surrogate pair, which MySQL and logs do not take.
        return said.encode("utf-8", "replace").decode() if isinstance(said, str) else "-"

    @property
    def asked_wait(self) -> timedelta | None:
        """How long Feishu asks to wait (`Retry-After`, `x-ogw-ratelimit-reset`); read in whole seconds only."""
        for name in ("retry-after", "x-ogw-ratelimit-reset"):
            value = self.headers.get(name, "").strip()
            if value.isascii() and value.isdigit() and len(value) <= 6:  # noqa: PLR2004 - eleven days; more is no wait
                return timedelta(seconds=int(value))
        return None

    def as_stored(self) -> dict[str, Any]:
        return {
            "status_code": self.status,
            "body": masked(self.body, self.hidden)[:_STORED_BODY].decode("utf-8", "replace"),
        }

    @cached_property
    def _document(self) -> Any:  # noqa: ANN401 - any JSON
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return _NOT_JSON
