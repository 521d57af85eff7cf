"""Which modules are mutated, and which tests are near each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_DELIVERY = ROOT / "layers/delivery/python/delivery"
_PRODUCER = ROOT / "producer/hongyan_producer"

_CONTRACT = (
    "unit/domain/test_event.py",
    "unit/domain/test_target_url.py",
    "unit/domain/test_contract.py",
    "unit/stages/test_ingest.py",
)
_SENDING = ("unit/stages/test_send.py", "unit/stages/test_send_limits.py", "unit/stages/test_send_closing.py")
_INGEST = (
    "integration/ingest/test_recording.py",
    "integration/ingest/test_rejects.py",
    "integration/ingest/test_repeated_events.py",
    "integration/ingest/test_packets.py",
    "integration/mysql/test_private_errors.py",
)
_ATTEMPTS = (
    "integration/send/test_attempts.py",
    "integration/send/test_attempt_sets.py",
    "integration/send/test_closing.py",
    "integration/send/test_lock_order.py",
    "integration/send/test_report_queue.py",
)
_CLAIM = ("integration/claim/test_claiming.py", "integration/claim/test_claim_plan.py")
_CHANNELS = (
    "unit/aws/credentials/test_credentials.py",
    "unit/aws/credentials/test_key_ring.py",
    "integration/credentials/test_channels.py",
)
_DEADLINE = ("integration/mysql/test_deadline.py", "integration/mysql/test_statement_time.py")
_RIGHTS = ("integration/deployment/test_function_users.py",)
_PRUNE = (
    "integration/prune/test_prune.py",
    "integration/prune/test_prune_plan.py",
    "integration/prune/test_prune_beside_others.py",
    *_RIGHTS,
)
_OUTBOX = ("integration/relay/test_leasing.py", *_RIGHTS)
_RELAY = ("unit/domain/test_relaying.py", "unit/stages/test_relay.py")

#: Module → the files below tests/. Not here: storage/tables.py, which a test compares with what the migrations leave.
NEAR: Mapping[str, Sequence[str]] = {
    "domain/appearance": ("unit/domain/test_appearance.py", "unit/domain/test_contract.py"),
    "domain/channel": ("unit/domain/test_channel.py", *_SENDING, *_CHANNELS),
    "domain/contract": _CONTRACT,
    "domain/intake": _CONTRACT,
    "domain/message": ("unit/domain/test_message.py", "unit/feishu/test_ways.py", "unit/feishu/test_masking.py"),
    "domain/outcome": (
        "unit/domain/test_words.py",
        "unit/domain/test_transition.py",
        *_SENDING,
        "unit/feishu/test_classify.py",
        "unit/aws/test_reports.py",
    ),
    "domain/record": (
        "unit/domain/test_words.py",
        *_CONTRACT,
        "unit/stages/test_claim.py",
        "unit/domain/test_transition.py",
        *_SENDING,
    ),
    "domain/relaying": (*_RELAY, "unit/aws/telemetry/test_telemetry.py"),
    "domain/lanes": _RELAY,
    "domain/transition": ("unit/domain/test_transition.py", *_SENDING),
    "deadline": ("unit/test_deadline.py", *_SENDING, "unit/feishu/test_call_deadlines.py"),
    "ingest": ("unit/stages/test_ingest.py",),
    "claim": ("unit/stages/test_claim.py",),
    "prune": ("unit/stages/test_prune.py",),
    "relay": _RELAY,
    "producing": _RELAY,
    "send": _SENDING,
    "closing": ("unit/stages/test_closing.py", *_SENDING),
    "processor": ("unit/test_processor.py",),
    "feishu/reply": ("unit/feishu/test_reply.py", "unit/feishu/test_broken_answers.py"),
    "storage/attempts": (*_ATTEMPTS, *_RIGHTS),
    "storage/channels": (*_CHANNELS, *_RIGHTS),
    "storage/claims": (*_CLAIM, "integration/send/test_report_queue.py", *_RIGHTS),
    "storage/closing": (*_ATTEMPTS, *_DEADLINE, "integration/ingest/test_packets.py", *_RIGHTS),
    "storage/credentials": _CHANNELS,
    "storage/data_keys": (
        "integration/credentials/test_data_keys.py",
        "integration/credentials/test_resealing.py",
        *_CHANNELS,
        *_RIGHTS,
    ),
    "storage/outbox/consuming": (
        "integration/ingest/test_outages.py",
        "integration/ingest/test_outbox_marks.py",
        *_INGEST,
        *_RIGHTS,
    ),
    "storage/outbox/leasing": _OUTBOX,
    "storage/outbox/relayed": _OUTBOX,
    "storage/recording": (*_INGEST, *_RIGHTS),
    "storage/rejects": (*_INGEST, *_RIGHTS),
    "storage/pruning/deleting": _PRUNE,
    "storage/pruning/listed": _PRUNE,
    "storage/pruning/outbox": _PRUNE,
    "storage/pruning/records": _PRUNE,
    "storage/pruning/rejects": _PRUNE,
    "storage/mysql/columns": ("unit/test_mysql_columns.py", *_RIGHTS),
    "storage/mysql/connection": (
        "unit/test_mysql_escaping.py",
        "unit/test_mysql_waits.py",
        "integration/mysql/test_transactions.py",
        "unit/aws/credentials/test_database_login.py",
        *_DEADLINE,
        *_CLAIM,
        *_INGEST,
    ),
    "storage/mysql/database": (
        "unit/test_mysql_values.py",
        "integration/mysql/test_transactions.py",
        *_DEADLINE,
        *_ATTEMPTS,
        *_INGEST,
    ),
    "storage/mysql/packets": ("unit/test_mysql_packets.py", *_INGEST),
    "producer/contract/checking": (*_CONTRACT, "unit/producer/test_event.py"),
    "producer/contract/fields": (*_CONTRACT, "unit/producer/test_schema.py"),
    "producer/contract/models": (*_CONTRACT, "unit/producer/test_schema.py"),
    "producer/contract/target_url": ("unit/domain/test_target_url.py", "unit/producer/test_event.py"),
    "producer/contract/times": _CONTRACT,
    "producer/dedupe": ("unit/producer/test_dedupe.py",),
    "producer/event": ("unit/producer/test_event.py",),
    "producer/kafka": ("integration/producer/test_producer_kafka.py",),
    "producer/outbox": ("integration/producer/test_producer_outbox.py",),
    "producer/partitions": ("unit/producer/test_partitions.py",),
}


def chosen(only: str) -> Sequence[str]:
    """The modules of that name, or in the folder of that name; all of them without one."""
    return [module for module in NEAR if not only or module == only or module.startswith(f"{only.rstrip('/')}/")]


def source_of(module: str) -> Path:
    package, _, inside = module.partition("/")
    return _PRODUCER / f"{inside}.py" if package == "producer" else _DELIVERY / f"{module}.py"


def imported_as(module: str) -> str:
    name = module.replace("/", ".")
    return f"hongyan_{name}" if name.startswith("producer.") else f"delivery.{name}"


def tests_near(module: str) -> Sequence[Path]:
    return [ROOT / "tests" / file for file in NEAR[module]]


def needs_mysql(module: str) -> bool:
    return any(file.startswith("integration/") for file in NEAR[module])
