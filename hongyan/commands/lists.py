"""Pages through the API's lists, and prints them page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from hongyan.commands.filters import as_query
from hongyan.door.api import Api
from hongyan.failure import INTERRUPTED, Failure
from hongyan.shown.output import Output, say
from hongyan.shown.tables import Column, table

#: The most rows that the API returns at once.
_PAGE = 500
_HOW_MUCH = "How much"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    limit: Annotated[int, typer.Option(min=1, help="The most rows to list.", rich_help_panel=_HOW_MUCH)] = 50
    everything: Annotated[bool, typer.Option("--all", help="All there are.", rich_help_panel=_HOW_MUCH)] = False
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="WORD", help="Continue where an earlier call ended.", rich_help_panel=_HOW_MUCH),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    items: Sequence[Mapping[str, Any]]
    next: str | None


def print_list(
    api: Api, path: str, query: Mapping[str, Any], paging: Paging, *, columns: Sequence[Column], output: Output
) -> None:
    """Prints one table per page of the API, so that a long list's first rows appear at once."""
    page = Page(items=(), next=paging.begin)
    try:
        for page in pages(api, path, query, paging):
            for item in page.items:
                output.document(item)
            output.show(table(page.items, columns))
    except KeyboardInterrupt:
        raise Failure(f"interrupted{_go_on(page.next)}", INTERRUPTED) from None
    if page.next:
        say(f"there are more: --all, or --from {page.next}")


def pages(api: Api, path: str, query: Mapping[str, Any], paging: Paging) -> Iterator[Page]:
    left, begin = paging.limit, paging.begin
    while True:
        size = _PAGE if paging.everything else min(left, _PAGE)
        answer = api.get(path, **as_query(query), size=size, next=begin)
        page = Page(items=answer["items"], next=answer["next"])
        yield page
        left, begin = left - size, page.next
        if not begin or (left <= 0 and not paging.everything):
            return


def _go_on(begin: str | None) -> str:
    return f"; go on with --from {begin}" if begin else ""
