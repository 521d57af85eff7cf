"""Makes notifications to measure with, each with a key of its own."""

import uuid
from datetime import UTC, datetime

from delivery.domain.contract import NewRecord
from delivery.domain.intake import Intake, KafkaRecord, Request
from delivery.domain.record import CHANNEL_FEISHU

USERS = 200


def requests(number: int) -> list[Request]:
    source = KafkaRecord(topic="smartflow.notification.outbox", partition=0, offset=0)
    return [Request(record=_record(1 + index % USERS), source=source) for index in range(number)]


def intake(number: int) -> Intake:
    """A judged batch, ready to be stored."""
    return Intake(requests=requests(number), rejects=[])


def _record(user_id: int) -> NewRecord:
    unique = uuid.uuid4().hex
    return NewRecord(
        channel=CHANNEL_FEISHU,
        user_id=user_id,
        dedupe_key=f"{user_id}:schedule_conflict:{unique}",
        preview_id=f"preview-{unique}",
        trigger_id=f"trigger-{unique}",
        trigger_type="schedule_conflict",
        target_type="schedule",
        target_id=user_id,
        target_url=f"/assistant/preview/{unique}",
        summary_text="周三下午的评审与客户会议冲突，建议把评审移到周四上午十点，并通知与会的五位同事。",
        fallback_text="我为你生成了一份日程调整建议，请回到系统确认是否应用。",
        fallback_used=False,
        trace_id=unique,
        requested_at=datetime.now(UTC).replace(microsecond=0),
    )
