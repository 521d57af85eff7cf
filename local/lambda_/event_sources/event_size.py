"""Lambda's limit on the size of an event, and how records are divided so that each event keeps to it."""

from collections.abc import Iterable, Iterator

MAX_EVENT_BYTES = 6 * 1024 * 1024
#: for the JSON around the records
ENVELOPE_BYTES = 16 * 1024
MAX_RECORDS_BYTES = MAX_EVENT_BYTES - ENVELOPE_BYTES


def split_by_size(records: Iterable[str]) -> Iterator[list[str]]:
    """The encoded records in order, in as few lists as fit into one event each.

    A record that is too large for any event gets a list of its own: Lambda refuses that event alone.
    """
    fitting: list[str] = []
    size = 0
    for record in records:
        record_size = len(record.encode()) + 1  # the comma
        if fitting and size + record_size > MAX_RECORDS_BYTES:
            yield fitting
            fitting, size = [], 0
        fitting.append(record)
        size += record_size
    if fitting:
        yield fitting
