"""The end of the demo: an account and one notification's life in, tables for people out."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from local.demo.accounting import Account, Judgement, KindAccount, Verdict
from local.demo.findings import Findings, Row
from local.demo.history import Moment
from local.demo.kinds import REJECTED

_SHOWN_PROBLEMS = 20


def say(console: Console, line: str) -> None:
    """A line as it is, whatever it holds."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_account(console: Console, account: Account) -> None:
    table = Table(title="What went in, and what became of it", title_justify="left")
    table.add_column("kind of event")
    table.add_column("published", justify="right")
    table.add_column("what became of it", overflow="fold")
    for name in ("Feishu calls", "seen by users", "accounted for"):
        table.add_column(name, justify="right")
    for line in account.by_kind:
        table.add_row(*_cells(line))
    table.add_section()
    table.add_row(*_totals(account))
    console.print(table)


def print_problems(console: Console, account: Account, found: Findings) -> None:
    """What is not in order, a line each; nothing when all is."""
    for judgement in account.problems[:_SHOWN_PROBLEMS]:
        say(console, _problem(judgement))
    if more := account.problems[_SHOWN_PROBLEMS:]:
        say(console, f"… and {len(more)} more")
    for row in account.doubled:
        say(console, _double(row, timed_out=found.timed_out.get(row.record_id, 0)))


def print_crash(console: Console, account: Account, *, killed: bool, lost_attempts: int) -> None:
    """What the killed sender left behind."""
    if not killed:
        say(console, "No sender could be killed, since none was seen at work: this run proves nothing about crashes.")
        return
    repeated = account.repeated_after_crash
    say(
        console,
        f"One sender was killed at its work. The {lost_attempts} attempts that it left open were made again when their "
        f"lease had ended; {len(repeated)} of the messages had reached Feishu already, and came twice{_ids(repeated)}.",
    )


def print_times(console: Console, *, whole: float, delivery: float) -> None:
    say(console, f"From the first event to the last final state: {delivery:.1f} s. The whole demo: {whole:.1f} s.")


def print_life(console: Console, row: Row, life: Sequence[Moment]) -> None:
    table = Table(title=f"The life of notification {row.record_id} ({row.dedupe_key})", title_justify="left")
    for name in ("time (UTC)", "who", "what"):
        table.add_column(name)
    for moment in life:
        table.add_row(moment.at.strftime("%H:%M:%S.%f")[:-3], moment.who, moment.what)
    console.print(table, markup=False)


def _cells(line: KindAccount) -> tuple[str, ...]:
    return (
        line.kind.value,
        str(line.published),
        _became(line) or "-",
        str(line.calls or "-"),
        f"{line.accepted or '-'}{f' ({line.repeated} twice)' if line.repeated else ''}",
        str(line.accounted) if line.accounted == line.published else f"{line.accounted} of {line.published}",
    )


def _became(line: KindAccount) -> str:
    """The most frequent first; of rejects the word once, and a code each."""
    often_first = sorted(line.became.items(), key=lambda pair: (-pair[1], pair[0]))
    rejects = [f"{count} {what.removeprefix(REJECTED)}" for what, count in often_first if what.startswith(REJECTED)]
    others = [f"{count} {what}" for what, count in often_first if not what.startswith(REJECTED)]
    return ", ".join([*([f"{REJECTED}{', '.join(rejects)}"] if rejects else []), *others])


def _totals(account: Account) -> tuple[str, ...]:
    calls = sum(line.calls for line in account.by_kind)
    accepted = sum(line.accepted for line in account.by_kind)
    return "together", str(account.published), "", str(calls), str(accepted), str(account.count(Verdict.ACCOUNTED))


def _problem(judgement: Judgement) -> str:
    published = judgement.published
    name = published.event.dedupe_key or f"{published.event.kind} event"
    place = f"partition {published.partition}, offset {published.offset}"
    return f"{judgement.verdict}: {name} ({place}) {judgement.reason}"


def _double(row: Row, *, timed_out: int) -> str:
    reason = "and no crash explains it"
    if timed_out:
        reason = f"as {timed_out} of its attempts timed out after Feishu had accepted it: is this machine overloaded?"
    return f"doubled: notification {row.record_id} ({row.dedupe_key}) was seen more than once, {reason}"


def _ids(rows: Sequence[Row]) -> str:
    shown = ", ".join(str(row.record_id) for row in rows[:10])
    return f" (notifications {shown}{', …' if len(rows) > 10 else ''})" if rows else ""
