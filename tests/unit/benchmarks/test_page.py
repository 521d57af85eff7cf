"""A run rewrites the measured part of docs/performance.md."""

from pathlib import Path

from benchmarks.report.figures import FIGURES, Measured
from benchmarks.report.page import BEGIN, END, write


def test_a_run_replaces_the_numbers_and_nothing_else(tmp_path: Path) -> None:
    """What people wrote around the measured part stays as it is; a figure beyond its bound says `misses`.

    At 1.25 ms each the 0.29 of a processor that 512 MB have carries 232 notifications a second.
    """
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nstale numbers\n{END}\nafter\n")
    numbers = {figure.name: Measured(value=1.25, detail="a against b") for figure in FIGURES}
    write(numbers, mysql="8.4.0", latest=tmp_path / "latest.json", page=page)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "stale numbers" not in text
    assert "| `ingest_vs_rows` | 1.25 | ≥ 20 | misses | a against b |" in text
    assert "| `cold_start_overhead` | 1.25 | ≤ 1.25 |  | a against b |" in text
    assert "| `flow_rate` | 1.25 |  |  | a against b |" in text
    assert "| `send.memory_mb` | 512 | 0.29 of a processor: at 1.25 ms each 232/s at most |" in text
