"""The alarm of prune: rows stay longer than they should, or nobody says how long they stay."""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.settings.sections.functions import Prune
from cdk.watch.alarm import Alarm, more_than
from cdk.watch.metrics import Metrics
from delivery.aws.settings.types import DAY

#: A day, because prune catches up by itself after an outage of some hours.
_BEHIND_SECONDS = DAY
_RUNS = 3


def of_retention(prune: Prune, metrics: Metrics) -> Iterator[Alarm]:
    if kept := {kind: days for kind, days in prune.days.items() if days}:
        yield Alarm(
            name="PruneBehind",
            says=f"Rows that should have been deleted a day ago are still there, or prune missed {_RUNS} runs",
            metric=_past_their_days(kept, metrics, period=Duration.minutes(prune.every_minutes)),
            when=more_than(_BEHIND_SECONDS),
            periods=_RUNS,
            when_silent=True,  # tables would grow silently, and no other alarm would show it
        )


def _past_their_days(kept: dict[str, int], metrics: Metrics, *, period: Duration) -> cloudwatch.MathExpression:
    """How long ago the oldest row of any kind should have been deleted; negative if none should."""
    over = ", ".join(f"{kind} - {days * DAY}" for kind, days in kept.items())
    return cloudwatch.MathExpression(
        expression=f"MAX([{over}])",
        using_metrics={kind: metrics.oldest_kept_age(kind) for kind in kept},
        label="seconds past their days",
        period=period,
    )
