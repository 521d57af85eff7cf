"""Lists the figures: the name of each, what it is made of, and what is wanted of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    name: str
    #: One line for people. A ratio names both sides, and an absolute number has its unit.
    says: str
    #: None if the number depends only on the machine.
    wanted: float | None = None
    #: Whether the number should be at least the wanted one. Otherwise it should be at most that.
    at_least: bool = True

    @property
    def bound(self) -> str:
        return "" if self.wanted is None else f"{'≥' if self.at_least else '≤'} {self.wanted:g}"

    def verdict(self, value: float) -> str:
        return "" if self.met_by(value) else "misses"

    def met_by(self, value: float) -> bool:
        if self.wanted is None:
            return True
        return value >= self.wanted if self.at_least else value <= self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure's number, and in words how it was computed."""

    value: float
    detail: str


def _least(name: str, wanted: float, says: str) -> Figure:
    return Figure(name=name, wanted=wanted, at_least=True, says=says)


def _most(name: str, wanted: float, says: str) -> Figure:
    return Figure(name=name, wanted=wanted, at_least=False, says=says)


INGEST_VS_ROWS = _least("ingest_vs_rows", 20, "recording sets of 500, over find and insert row by row")
INGEST_VS_RAW = _least("ingest_vs_raw", 0.9, "recording sets of 500, over the same job on bare PyMySQL")
CLAIM_VS_ROWS = _least("claim_vs_rows", 25, "claiming sets of 500, over listing and claiming row by row")
CLAIM_GROWTH = _most("claim_growth", 1.25, "one claim of 500 from small and large tables: slowest over fastest")
LIFE_VS_ROWS = _least("life_vs_rows", 15, "ingest, open and close in sets of 500, over the same row by row")
SEND_EFFICIENCY = _least("send_efficiency", 0.85, "a sender's rate with 32 calls at once, over 32 / 100 ms")
SEND_EFFICIENCY_128 = _least("send_efficiency_128", 0.8, "a sender's rate with 128 calls at once, over 128 / 100 ms")
RELAY_VS_ROWS = _least("relay_vs_rows", 20, "relaying sets of 500, over find, produce, wait and mark row by row")
RELAY_GROWTH = _most("relay_growth", 1.2, "a relay's set of 500 from small and large outboxes: slowest over fastest")
LIST_GROWTH = _most(
    "list_growth", 1.2, "a page of an operator's list, the first and the thousandth: slowest over fastest"
)
PRUNE_PAUSE = _least("prune_pause", 0.9, "delivery's rate while prune deletes all the time, over its rate alone")
REDRIVE_SECONDS = _most("redrive_seconds", 60, "redriving 100,000 dead records, in seconds")
INGEST_PROCESSOR_MS = Figure(name="ingest_processor_ms", says="processor time of a notification in ingest, in ms")
SEND_PROCESSOR_MS = Figure(name="send_processor_ms", says="processor time of a notification in send, in ms")
COLD_START = _most("cold_start_overhead", 1.25, "import and first call, over the floor: the largest of the functions")
COLD_START_OF = {
    word: _most(f"cold_start_overhead_{word}", 1.25, f"the same for the {word} function")
    for word in ("ingest", "claim", "send")
}
#: No bound: it starts from a snapshot on Lambda, which has none of this.
COLD_START_OF_API = Figure(name="cold_start_overhead_api", says="the same for the api function, without a snapshot")
FLOW_RATE = Figure(name="flow_rate", says="notifications a second from Kafka to Feishu on the local stack")

FIGURES = (
    INGEST_VS_ROWS,
    INGEST_VS_RAW,
    CLAIM_VS_ROWS,
    CLAIM_GROWTH,
    LIFE_VS_ROWS,
    SEND_EFFICIENCY,
    SEND_EFFICIENCY_128,
    RELAY_VS_ROWS,
    RELAY_GROWTH,
    PRUNE_PAUSE,
    LIST_GROWTH,
    REDRIVE_SECONDS,
    INGEST_PROCESSOR_MS,
    SEND_PROCESSOR_MS,
    COLD_START,
    *COLD_START_OF.values(),
    COLD_START_OF_API,
    FLOW_RATE,
)
