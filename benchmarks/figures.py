"""The figures: their names, what each says, what is wanted of it; a measured number in, whether it will do out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    name: str
    wanted: float
    #: otherwise the number should be at most what is wanted
    at_least: bool
    #: one line for people: what is divided by what
    says: str

    @property
    def bound(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.wanted:g}"

    def met_by(self, value: float) -> bool:
        return value >= self.wanted if self.at_least else value <= self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure's number, and the two sides it was made from in words."""

    value: float
    detail: str


def _least(name: str, wanted: float, says: str) -> Figure:
    return Figure(name=name, wanted=wanted, at_least=True, says=says)


def _most(name: str, wanted: float, says: str) -> Figure:
    return Figure(name=name, wanted=wanted, at_least=False, says=says)


INGEST_VS_ROWS = _least("ingest_vs_rows", 20, "recording sets of 500, over find and insert row by row")
INGEST_VS_RAW = _least("ingest_vs_raw", 0.9, "recording sets of 500, over the same job on bare PyMySQL")
CLAIM_VS_ROWS = _least("claim_vs_rows", 25, "claiming sets of 500, over listing and claiming row by row")
CLAIM_GROWTH = _most(
    "claim_growth", 1.2, "one claim of 500 at 20 thousand, 200 thousand, 1 million rows: slowest/fastest"
)
LIFE_VS_ROWS = _least(
    "life_vs_rows", 15, "ingest, open, close in sets of 500, over find, create, open, close row by row"
)
SEND_EFFICIENCY = _least(
    "send_efficiency", 0.85, "the sender's rate at 100 ms Feishu latency, over concurrency / latency"
)
COLD_START = _most(
    "cold_start_overhead", 1.3, "import and first call, over importing the dependencies alone: the largest"
)
COLD_START_OF = {
    word: _most(f"cold_start_overhead_{word}", 1.3, f"the same for the {word} function")
    for word in ("ingest", "claim", "send")
}

FIGURES = (
    INGEST_VS_ROWS,
    INGEST_VS_RAW,
    CLAIM_VS_ROWS,
    CLAIM_GROWTH,
    LIFE_VS_ROWS,
    SEND_EFFICIENCY,
    COLD_START,
    *COLD_START_OF.values(),
)
