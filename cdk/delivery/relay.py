"""The relay stage: it begins at every tick of a schedule, and brings the rows of the outbox to Kafka."""

from aws_cdk import Duration
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.kafka.writer import Writer
from cdk.delivery.runtime import Runtime
from cdk.delivery.schedule import tick
from cdk.settings.environment import environment
from cdk.settings.sections.functions import Relay as RelaySection
from delivery.aws.settings.relay import RelaySettings

#: The scheduler's shortest interval. Each run continues until the next one has begun.
EVERY = Duration.minutes(1)


class Relay(StageFunction):
    def __init__(
        self, scope: Construct, name: str, *, runtime: Runtime, settings: RelaySection, writer: Writer
    ) -> None:
        super().__init__(
            scope,
            name,
            word="relay",
            description="Brings events that producers wrote to the outbox to Kafka",
            runtime=runtime,
            size=settings,
            environment={**environment(RelaySettings, settings), **writer.environment},
            layers=[runtime.layers.kafka],
        )
        writer.grant(self.role)
        tick(self, every=EVERY, description="Looks for rows of the outbox")
