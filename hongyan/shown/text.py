"""Texts of records and rejects, safe to print: a producer may have put anything into them."""

import unicodedata

#: Control characters, which terminals obey, and format characters, of which some turn the reading direction.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_IN_A_LIST = 60
_JOINERS = frozenset("\u200c\u200d")


def visible(value: object) -> str:
    """With control characters written out. Nothing is left of None."""
    text = "" if value is None else str(value)
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def amount(number: int, row: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{number:,} {row}" if number == 1 else f"{number:,} {row}s"


def shortened(value: object) -> str:
    """For a list; the row at length has it whole."""
    text = visible(value)
    return text if len(text) <= _LONGEST_IN_A_LIST else f"{text[: _LONGEST_IN_A_LIST - 1]}…"


def _visible(character: str) -> str:
    if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS:
        return character.encode("unicode_escape", "surrogatepass").decode()
    return character
