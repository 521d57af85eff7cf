"""Texts of records and rejects, safe to print: a producer may have put anything into them."""

import unicodedata

#: Control characters, which terminals obey, and format characters, some of which reverse the reading direction.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_IN_A_LIST = 60
_JOINERS = frozenset("\u200c\u200d")


def visible(value: object) -> str:
    """The text with its control characters escaped; empty for None."""
    text = "" if value is None else str(value)
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def amount(number: int, row: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{number:,} {row}" if number == 1 else f"{number:,} {row}s"


def shortened(value: object) -> str:
    """Shortens a text for a list. The details of the row show it whole."""
    text = visible(value)
    return text if len(text) <= _LONGEST_IN_A_LIST else f"{text[: _LONGEST_IN_A_LIST - 1]}…"


def _visible(character: str) -> str:
    if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS:
        return character.encode("unicode_escape", "surrogatepass").decode()
    return character
