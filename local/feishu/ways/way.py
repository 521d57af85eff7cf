"""What the simulator asks of a way of reaching Feishu: its paths, its rules and its good answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Never, Protocol

from local.feishu.answers import Answer
from local.feishu.server.requests import Request

#: The pattern of a webhook's key in a path.
KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What the owner of a webhook has set for it."""

    enabled: bool = True
    #: empty: the webhook asks for no token
    bearer_token: str = ""

    def __repr__(self) -> str:
        return f"Webhook(enabled={self.enabled}, bearer={bool(self.bearer_token)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The message and people of a request, as far as its body names them."""

    #: the same for every attempt to send one message
    message: str = ""
    notification_id: int | None = None
    user_id: int | None = None


class Way(Protocol):
    """What differs between ways. Faults, the call log and the HTTP server are the same for all."""

    @property
    def success(self) -> Answer: ...

    def key_of(self, path: str) -> str | None:
        """The webhook's key in a path; None if the path is not one of this way."""

    def refusal(self, request: Request, webhook: Webhook) -> Answer | None:
        """Feishu's answer to a request that breaks a rule; None for a good one."""

    def credentials_match(self, request: Request, webhook: Webhook) -> bool | None:
        """Whether the request has the credentials that the webhook asks for; None if it asks for none."""

    def about(self, document: Mapping[str, Any]) -> About: ...


def document_of(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object in a body; None if there is none."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON, although Python reads it")
