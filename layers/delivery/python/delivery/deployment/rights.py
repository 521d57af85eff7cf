"""Says what each function's own MySQL user may do: exactly what the statements of its stage need.

Tests run each stage's statements as its user, and take each privilege away to see that one of them then fails.
"""

from collections.abc import Mapping

from delivery.storage import attempts, channels, claims, closing, data_keys, outbox, recording, rejects, saved_channels
from delivery.storage.mysql.columns import Privilege, Rights
from delivery.storage.operating import audit, counting, redriving, rejected, resealing, searching
from delivery.storage.pruning import outbox as old_outbox
from delivery.storage.pruning import records as old_records
from delivery.storage.pruning import rejects as old_rejects


def _together(*modules: Rights) -> Mapping[str, frozenset[Privilege]]:
    tables = dict.fromkeys(table for rights in modules for table in rights)
    return {table: frozenset(it for rights in modules for it in rights.get(table, ())) for table in tables}


#: Stage → table → privileges.
RIGHTS = {
    "ingest": _together(recording.RIGHTS, rejects.RIGHTS, outbox.RIGHTS),
    "claim": _together(claims.RIGHTS),
    "prune": _together(old_records.RIGHTS, old_rejects.RIGHTS, old_outbox.RIGHTS),
    "api": _together(
        recording.RIGHTS,
        rejects.RIGHTS,
        outbox.RIGHTS,
        channels.RIGHTS_TO_SAVE,
        saved_channels.RIGHTS,
        data_keys.RIGHTS_TO_READ,
        data_keys.RIGHTS_TO_ADD,
        searching.RIGHTS,
        counting.RIGHTS,
        redriving.RIGHTS,
        rejected.RIGHTS,
        resealing.RIGHTS,
        audit.RIGHTS,
    ),
    "send": _together(attempts.RIGHTS, closing.RIGHTS, channels.RIGHTS_TO_READ, data_keys.RIGHTS_TO_READ),
}
