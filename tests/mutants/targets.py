"""Which modules are mutated, and which tests are near each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "layers/delivery/python/delivery"

_CONTRACT = (
    "unit/domain/test_event.py",
    "unit/domain/test_target_url.py",
    "unit/domain/test_contract.py",
    "unit/stages/test_ingest.py",
)
_SENDING = ("unit/stages/test_send.py", "unit/stages/test_send_limits.py")
_INGEST = (
    "integration/test_recording.py",
    "integration/test_rejects.py",
    "integration/test_repeated_events.py",
    "integration/test_packets.py",
    "integration/test_private_errors.py",
)
_ATTEMPTS = (
    "integration/test_attempts.py",
    "integration/test_attempt_sets.py",
    "integration/test_closing.py",
    "integration/test_lock_order.py",
    "integration/test_report_queue.py",
)
_CLAIM = ("integration/test_claiming.py", "integration/test_claim_plan.py")
_CHANNELS = ("unit/aws/test_credentials.py", "unit/aws/test_key_ring.py", "integration/test_channels.py")
_DEADLINE = ("integration/test_deadline.py", "integration/test_statement_time.py")
_RIGHTS = ("integration/test_function_users.py",)
_PRUNE = (
    "integration/test_prune.py",
    "integration/test_prune_plan.py",
    "integration/test_prune_beside_others.py",
    *_RIGHTS,
)

#: Module → the files below tests/. Not here: storage/tables.py, which a test compares with what the migrations leave.
NEAR: Mapping[str, Sequence[str]] = {
    "domain/appearance": ("unit/domain/test_appearance.py", "unit/domain/test_contract.py"),
    "domain/channel": ("unit/domain/test_channel.py", *_SENDING, *_CHANNELS),
    "domain/contract": _CONTRACT,
    "domain/event": _CONTRACT,
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
    "domain/target_url": ("unit/domain/test_target_url.py",),
    "domain/transition": ("unit/domain/test_transition.py", *_SENDING),
    "deadline": ("unit/test_deadline.py", *_SENDING, "unit/feishu/test_call_deadlines.py"),
    "ingest": ("unit/stages/test_ingest.py",),
    "claim": ("unit/stages/test_claim.py",),
    "prune": ("unit/stages/test_prune.py",),
    "send": _SENDING,
    "closing": ("unit/stages/test_closing.py", *_SENDING),
    "storage/attempts": (*_ATTEMPTS, *_RIGHTS),
    "storage/channels": (*_CHANNELS, *_RIGHTS),
    "storage/claims": (*_CLAIM, "integration/test_report_queue.py", *_RIGHTS),
    "storage/closing": (*_ATTEMPTS, *_DEADLINE, "integration/test_packets.py", *_RIGHTS),
    "storage/credentials": _CHANNELS,
    "storage/data_keys": ("integration/test_data_keys.py", *_CHANNELS, *_RIGHTS),
    "storage/lookups": ("integration/test_lookups.py",),
    "storage/outbox": (*_INGEST, *_RIGHTS),
    "storage/recording": (*_INGEST, *_RIGHTS),
    "storage/rejects": (*_INGEST, *_RIGHTS),
    "storage/pruning/deleting": _PRUNE,
    "storage/pruning/listed": _PRUNE,
    "storage/pruning/outbox": _PRUNE,
    "storage/pruning/records": _PRUNE,
    "storage/pruning/rejects": _PRUNE,
    "storage/mysql/columns": (*_ATTEMPTS, *_INGEST, *_RIGHTS),
    "storage/mysql/connection": (*_DEADLINE, *_CLAIM, *_INGEST),
    "storage/mysql/database": (*_DEADLINE, *_ATTEMPTS, *_INGEST),
    "storage/mysql/packets": _INGEST,
}


def chosen(only: str) -> Sequence[str]:
    """The modules of that name, or in the folder of that name; all of them without one."""
    return [module for module in NEAR if not only or module == only or module.startswith(f"{only.rstrip('/')}/")]


def source_of(module: str) -> Path:
    return SOURCES / f"{module}.py"


def tests_near(module: str) -> Sequence[Path]:
    return [ROOT / "tests" / file for file in NEAR[module]]


def needs_mysql(module: str) -> bool:
    return any(file.startswith("integration/") for file in NEAR[module])
