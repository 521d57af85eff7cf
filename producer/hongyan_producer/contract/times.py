"""The rule for times: RFC 3339 with a zone, and a moment that MySQL can hold."""

import re
from datetime import UTC, datetime

from pydantic_core import PydanticCustomError

_WITHOUT_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?", re.ASCII)
RFC3339 = re.compile(rf"{_WITHOUT_ZONE.pattern}([Zz]|[+-]\d{{2}}:\d{{2}})", re.ASCII)
_AN_RFC3339_TIME = "an RFC 3339 time, such as 2026-01-31T08:00:00+08:00"
# The range of MySQL's DATETIME, less a day at either end for the time zone.
_FIRST_DAY, _LAST_DAY = datetime(1000, 1, 2), datetime(9999, 12, 31)  # noqa: DTZ001 - compared without a zone


def rfc3339(value: object) -> datetime:
    """The moment in UTC."""
    if not isinstance(value, str):
        raise PydanticCustomError("rfc3339", f"should be {_AN_RFC3339_TIME}, in quotes")
    if _WITHOUT_ZONE.fullmatch(value.strip()):
        raise PydanticCustomError(
            "rfc3339", "should have a time zone, Z or +08:00 at its end: only the zone is missing"
        )
    if not RFC3339.fullmatch(value.strip()):
        raise PydanticCustomError("rfc3339", f"should be {_AN_RFC3339_TIME}")
    return _in_utc(value.strip().upper())


def _in_utc(words: str) -> datetime:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise PydanticCustomError("rfc3339", "should be a time that exists") from None
    if moment.year == 1:
        raise PydanticCustomError("zero_time", "should not be the zero time")
    if not _FIRST_DAY < moment.replace(tzinfo=None) < _LAST_DAY:
        raise PydanticCustomError("rfc3339", "should be in the years from 1000 to 9999")
    return moment.astimezone(UTC)
