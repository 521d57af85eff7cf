"""Prints how the demo ended: the account as a table, what went wrong, and the history of one notification."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from local.demo.accounting import Account, KindAccount
from local.demo.history import Moment
from local.demo.judging import Judgement, Verdict
from local.demo.observer import Findings, Row
from local.demo.publishing.event_kinds import REJECTED

_SHOWN_PROBLEMS = 20


def say(console: Console, line: str) -> None:
    """Prints a line as it stands, even if it looks like markup."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_account(console: Console, account: Account) -> None:
    table = Table(title="What was published, and what became of it", title_justify="left")
    table.add_column("kind of event")
    table.add_column("published", justify="right")
    table.add_column("what became of it", overflow="fold")
    for name in ("calls to Feishu", "seen by users", "accounted for"):
        table.add_column(name, justify="right")
    for line in account.by_kind:
        table.add_row(*_cells(line))
    table.add_section()
    table.add_row(*_totals(account))
    console.print(table)


def print_problems(console: Console, account: Account, found: Findings) -> None:
    """Prints a line for each event that is not accounted for and for each double."""
    for judgement in account.problems[:_SHOWN_PROBLEMS]:
        say(console, _problem(judgement))
    if more := account.problems[_SHOWN_PROBLEMS:]:
        say(console, f"… and {len(more)} more")
    for row in account.doubled:
        say(console, _double(row, timed_out=found.timed_out.get(row.record_id, 0)))


def print_crash(console: Console, account: Account, *, killed: bool, lost_attempts: int) -> None:
    """Says what the killed sender left behind."""
    if not killed:
        say(console, "No sender was killed, because none was seen sending: this run says nothing about crashes.")
        return
    repeated = account.repeated_after_crash
    say(
        console,
        f"One sender was killed while it was sending. It left {_attempts(lost_attempts)} open; the messages were sent "
        f"again after their lease had ended. {len(repeated)} of them had already reached Feishu, and were seen "
        f"twice{_ids(repeated)}.",
    )


def print_outbox(console: Console, found: Findings) -> None:
    """Prints how soon the relay brought committed rows to Kafka."""
    rows = found.outbox.values()
    waited = sorted((it.published_at - it.created_at).total_seconds() for it in rows if it.published_at)
    if waited:
        half, last = waited[(len(waited) - 1) // 2], waited[-1]
        say(
            console,
            f"The relay brought {len(waited)} rows of the outbox to Kafka: half of them within {half:.1f} s of being "
            f"written, the last after {last:.1f} s.",
        )


def print_times(console: Console, *, whole: float, delivery: float) -> None:
    say(
        console,
        f"The last notification was finished {delivery:.1f} s after the first event; the demo took {whole:.1f} s.",
    )


def print_history(console: Console, row: Row, moments: Sequence[Moment]) -> None:
    table = Table(title=f"The history of notification {row.record_id} ({row.dedupe_key})", title_justify="left")
    for name in ("time (UTC)", "who", "what"):
        table.add_column(name)
    for moment in moments:
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
    """Lists the most frequent first. The word `rejected` appears once, before the codes."""
    often_first = sorted(line.became.items(), key=lambda pair: (-pair[1], pair[0]))
    rejects = [f"{count} {what.removeprefix(REJECTED)}" for what, count in often_first if what.startswith(REJECTED)]
    others = [f"{count} {what}" for what, count in often_first if not what.startswith(REJECTED)]
    return ", ".join([*([f"{REJECTED}{', '.join(rejects)}"] if rejects else []), *others])


def _totals(account: Account) -> tuple[str, ...]:
    calls = sum(line.calls for line in account.by_kind)
    accepted = sum(line.accepted for line in account.by_kind)
    return "total", str(account.published), "", str(calls), str(accepted), str(account.count(Verdict.ACCOUNTED))


def _problem(judgement: Judgement) -> str:
    published = judgement.published
    name = published.event.dedupe_key or f"{published.event.kind} event"
    return f"{judgement.verdict}: {name} ({published.place}) {judgement.reason}"


def _double(row: Row, *, timed_out: int) -> str:
    reason = "and no crash explains it"
    if timed_out:
        reason = f"and {_attempts(timed_out)} timed out after Feishu had accepted the message: is this machine busy?"
    return f"doubled: notification {row.record_id} ({row.dedupe_key}) was seen more than once, {reason}"


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _ids(rows: Sequence[Row]) -> str:
    shown = ", ".join(str(row.record_id) for row in rows[:10])
    return f" (notifications {shown}{', …' if len(rows) > 10 else ''})" if rows else ""
