"""One alarm as data, and the CloudWatch alarm that it becomes."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

Threshold = tuple[cloudwatch.ComparisonOperator, float]


def at_least(value: float) -> Threshold:
    return cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD, value


def more_than(value: float) -> Threshold:
    return cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD, value


def less_than(value: float) -> Threshold:
    return cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    #: docs/runbook.md has a heading with this name.
    name: str
    says: str
    metric: cloudwatch.IMetric
    when: Threshold
    #: 0 for the first alarm of this name, then 1 and so on if one alarm cannot hold all metrics.
    number: int = 0
    #: The number of periods in a row that set it off.
    periods: int = 1
    #: Whether missing data sets it off, too.
    when_silent: bool = False

    def add_to(self, scope: Construct, *, stage: str, action: cloudwatch.IAlarmAction | None) -> None:
        comparison, threshold = self.when
        missing = cloudwatch.TreatMissingData
        numbered = f"{self.name}{self.number + 1 if self.number else ''}"
        alarm = cloudwatch.Alarm(
            scope,
            numbered,
            alarm_name=f"{stage}-{numbered}",
            alarm_description=f"{self.says}. See docs/runbook.md, {self.name}.",
            metric=self.metric,
            threshold=threshold,
            evaluation_periods=self.periods,
            comparison_operator=comparison,
            treat_missing_data=missing.BREACHING if self.when_silent else missing.NOT_BREACHING,
        )
        if action:
            alarm.add_alarm_action(action)
            alarm.add_ok_action(action)
