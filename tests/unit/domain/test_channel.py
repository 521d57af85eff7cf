"""Which of a user's channels a message goes by, and how a credential is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.channel import Channel, UnreadableChannel, choose, mask
from delivery.domain.outcome import ErrorCode, NoRecipient, Outcome, PermanentFailure
from tests.unit.samples import TOKEN, WEBHOOK_KEY, channel

FLOW = replace(channel(), channel="flow")
BOT = replace(channel(), channel="bot")
SEALED = UnreadableChannel(user_id=7, channel="flow", reason="does not decrypt")
DISABLED = NoRecipient(reason="the user's Feishu channel is disabled")
UNREADABLE = PermanentFailure(code=ErrorCode.CREDENTIAL_UNREADABLE, reason="does not decrypt")


@pytest.mark.parametrize(
    ("channels", "chosen"),
    [
        ([FLOW], FLOW),
        ([BOT, FLOW], FLOW),
        ([replace(FLOW, enabled=False), BOT], BOT),
        ([SEALED, BOT], BOT),
        ([], NoRecipient(reason="the user has no Feishu channel")),
        ([replace(BOT, channel="another")], NoRecipient(reason="the user has no Feishu channel")),
        ([replace(FLOW, enabled=False)], DISABLED),
        ([replace(FLOW, webhook_url="")], NoRecipient(reason="the user's Feishu channel has no webhook URL")),
        ([SEALED], UNREADABLE),
        ([SEALED, replace(BOT, enabled=False)], UNREADABLE),
        ([replace(BOT, enabled=False), SEALED], UNREADABLE),
    ],
)
def test_a_message_goes_by_the_first_usable_channel(
    channels: list[Channel | UnreadableChannel], chosen: Channel | Outcome
) -> None:
    """In the order of the ways, whatever the order of the channels; if none is usable, the first says why."""
    assert choose(channels, ["flow", "bot"]) == chosen


@given(st.text(max_size=20))
def test_a_mask_shows_eight_characters_at_most(credential: str) -> None:
    """And nothing of a short credential."""
    shown = mask(credential)
    assert shown == (f"{credential[:4]}...{credential[-4:]}" if len(credential) > 8 else "****")


def test_a_channels_repr_shows_no_credentials() -> None:
    """It may end up in a traceback."""
    assert TOKEN not in repr(channel())
    assert WEBHOOK_KEY not in repr(channel())
