"""The rule for target URLs: they open a page of the site below an allowed prefix, however they are resolved."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

#: The default of the stage's setting `allowed_url_prefixes`.
URL_PREFIXES = ("/assistant/",)
_DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")


def target_url_problem(url: str, prefixes: Sequence[str]) -> str | None:
    """Why a notification must not lead users there, or None. It may open only a page of the site itself."""
    if not url.startswith(tuple(prefixes)) or url.startswith("//"):
        return f"should begin with {' or '.join(prefixes)}"
    if "://" in url:
        return "should be a path of the site, without ://"
    path = re.split("[?#]", url, maxsplit=1)[0]
    decoded = _decoded(path)
    if "\\" in url or not url.isprintable() or "\\" in decoded or not decoded.isprintable():
        return "should hold no backslash and no control character, plain or percent-encoded"
    if decoded.count("/") > path.count("/"):
        return "should hold no percent-encoded slash"
    if _DOTS.search(decoded):
        return "should hold no segment . or .., plain or percent-encoded"
    return None


def _decoded(path: str) -> str:
    """Decodes until nothing changes: a browser decodes a segment's dots once, a server behind a proxy maybe twice."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path
