"""What each field of an event means, for docs/events.md and docs/event.schema.json."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "outbox_id": "the row of `notification_outbox_messages` that holds this event; 0 if there is none",
    "event_id": "the producer's own name for the event; not stored",
    "event_type": "`notification.feishu.requested`",
    "event_version": "`1`, which is also what an empty one means",
    "service_name": "the service that should act on the event: `notification` or empty",
    "aggregate_id": "the `preview_id`; not stored",
    "payload": "the fields below",
    "notification_id": "accepted for the Go service's producers and not used: `dedupe_key` decides which record it is",
    "user_id": "who is notified",
    "trigger_id": "what caused the notification; the user's flow receives it",
    "trigger_type": "the kind of cause, such as `schedule_conflict`; the user's flow receives it",
    "target_type": "the kind of thing that it is about; the user's flow receives it",
    "preview_id": "the preview that the notification leads to; the user's flow receives it",
    "target_id": "which thing it is about; the user's flow receives it",
    "dedupe_key": "the same key is the same notification",
    "target_url": (
        "a path of the site below an allowed prefix; no `://`; no backslash, control character or segment `.` or `..`, "
        "plain or percent-encoded; no `%2f` in the path"
    ),
    "summary_text": "what the user reads; one with a link in it is not shown; at most 65,535 bytes of UTF-8",
    "fallback_text": "what the user reads if the summary is empty or has a link; at most 65,535 bytes of UTF-8",
    "trace_id": "for following a notification through logs; the user's flow receives it",
    "requested_at": "when the producer asked for it; with a time zone, in the years from 1000 to 9999",
}
