"""The prune stage: at every tick of a schedule, it deletes what is past its days."""

from aws_cdk import Duration
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
from cdk.delivery.schedule import tick
from cdk.settings.environment import environment
from cdk.settings.stage import StageSettings
from delivery.aws.settings.prune import PruneSettings


class Prune(StageFunction):
    def __init__(self, scope: Construct, name: str, *, runtime: Runtime, stage: StageSettings) -> None:
        super().__init__(
            scope,
            name,
            word="prune",
            description="Deletes final records, rejects and outbox rows that are past their days",
            runtime=runtime,
            size=stage.prune,
            environment=environment(PruneSettings, stage.prune),
        )
        tick(self, every=Duration.minutes(stage.prune.every_minutes), description="Deletes what is past its days")
