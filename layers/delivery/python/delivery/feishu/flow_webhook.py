"""The Flow webhook trigger: one POST of JSON to the user's own URL.

Source: Feishu help centre, "Flow: webhook trigger" (`https://www.feishu.cn/flow/api/trigger-webhook/{key}`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from delivery.deadline import Permit
from delivery.domain.channel import Channel, mask
from delivery.domain.message import message_text, private_lines
from delivery.domain.outcome import ErrorCode, Outcome, PermanentFailure
from delivery.domain.record import Attempt
from delivery.feishu.way import Call, Feishu

FLOW_WEBHOOK = "feishu_webhook"
WEBHOOK_PATH = "/flow/api/trigger-webhook/"
_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FlowWebhook:
    """Sends attempts to Flow webhook triggers."""

    feishu: Feishu

    def problem(self, channel: Channel) -> str | None:
        return webhook_problem(channel.webhook_url, self.feishu.webhook_origins)

    def shown(self, channel: Channel) -> str:
        return mask_webhook(channel.webhook_url)

    def deliver(self, attempt: Attempt, channel: Channel, permit: Permit) -> Outcome:
        if problem := self.problem(channel):
            return PermanentFailure(code=ErrorCode.INVALID_URL, reason=problem)
        call = Call(
            url=channel.webhook_url,
            headers=self.headers(attempt, channel),
            document=self.document(attempt),
            shown={"webhook": mask_webhook(channel.webhook_url)},
            hidden=(channel.bearer_token, channel.webhook_url.rpartition("/")[2], *private_lines(attempt)),
            message_id=f"{FLOW_WEBHOOK}_{attempt.record_id}_{attempt.number}",  # Flow gives none of its own
        )
        return self.feishu.post(call, permit)

    def headers(self, attempt: Attempt, channel: Channel) -> dict[str, str]:
        """`Client-Token` as the sibling of Flow documents it: the same value triggers once in three hours.

        Source: Feishu open platform, "Base automation: webhook trigger".
        """
        key = {"Client-Token": self.feishu.idempotency_key(attempt)}
        return {**key, "Authorization": f"Bearer {channel.bearer_token}"} if channel.bearer_token else key

    def document(self, attempt: Attempt) -> dict[str, Any]:
        """The JSON that the user's flow receives."""
        wording = self.feishu.wording
        document = {
            "event": wording.event,
            "version": "1",
            "notification_id": attempt.record_id,
            "user_id": attempt.user_id,
            "preview_id": attempt.preview_id,
            "trigger_id": attempt.trigger_id,
            "trigger_type": attempt.trigger_type,
            "target_type": attempt.target_type,
            "target_id": attempt.target_id,
            "message": {
                "title": wording.title,
                "summary": message_text(attempt).text,
                "action_text": wording.action_text,
                "action_url": wording.action_base_url + attempt.target_url,
            },
            "sent_at": self.feishu.now().isoformat(timespec="seconds"),
        }
        return {**document, "trace_id": attempt.trace_id} if attempt.trace_id else document


def webhook_problem(url: str, origins: tuple[str, ...]) -> str | None:
    """Why this URL is not a Flow webhook trigger, or None if it is. The reason never repeats the URL, a credential."""
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc.lower()}"
    except ValueError:
        return "webhook_url is not a URL"
    if origin not in {allowed.lower() for allowed in origins}:
        return f"webhook_url should begin with {' or '.join(origins)}"
    if not parts.path.startswith(WEBHOOK_PATH) or not _KEY.fullmatch(parts.path.removeprefix(WEBHOOK_PATH)):
        return f"webhook_url should have the path {WEBHOOK_PATH}{{key}}"
    if parts.query or parts.fragment or url != urlunsplit(parts):
        return "webhook_url should have nothing after the key"
    return None


def mask_webhook(url: str) -> str:
    """The URL with its key cut to the first and last four characters, and no query. Any text can be masked."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "****"
    folder = WEBHOOK_PATH if parts.path.startswith(WEBHOOK_PATH) else "/"
    shown = folder + mask(parts.path.removeprefix(folder))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], shown, "", ""))
