"""Refuses to give the Kafka source another topic or another group alone: neither would read on where the old one is."""

from collections.abc import Callable, Iterator

from cdk.deployments.stack_state import StackState
from cdk.settings.stage import StageSettings

_SEE = "see docs/operations.md, Another topic or group"


def half_moves(stage: StageSettings, delivery: StackState, *, is_read: Callable[[str], bool]) -> Iterator[str]:
    """`is_read` says whether a function still has an event source. Once the old one is gone, nothing is in the way."""
    if "KafkaSource" not in delivery.outputs:
        return
    where, topic, group = delivery.outputs["KafkaSource"].split(" ")
    if where != stage.kafka.where or (topic != stage.kafka.topic) is (group != stage.kafka.group):
        return
    if is_read(delivery.outputs["IngestFunctionName"]):
        line = _another_topic if topic != stage.kafka.topic else _another_group
        yield f"{line(topic, group)}; {_SEE}"


def _another_topic(topic: str, group: str) -> str:
    """Lambda ignores the starting position of an existing group ("Customizable consumer group ID in Lambda")."""
    return f"kafka.topic: the group {group} reads {topic}, and another topic needs another kafka.group, too"


def _another_group(topic: str, group: str) -> str:
    """Such a deployment fails because the source of this function and topic already exists (aws-cdk #26416)."""
    return f"kafka.group: {topic} is read as {group}, and Lambda takes no second source of one topic for one function"
