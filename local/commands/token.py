"""`token`: prints a token for the running stack's API."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.issuer.keys import signing_key
from local.issuer.tokens import Issuer
from local.template.overrides import token_terms


def print_token(
    endpoints: Mapping[str, Any], home: Path, *, user_id: int, is_operator: bool, say: Callable[[str], None]
) -> None:
    issuer = Issuer(url=endpoints["issuer_url"], key=signing_key(home), terms=token_terms())
    say(issuer.token(user_id, now=datetime.now(UTC), is_operator=is_operator))
