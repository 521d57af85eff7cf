"""The name of what AWS wants a name for and which may outlive its stack: MySQL and the Kafka cluster."""

from aws_cdk import Aws, Fn


def own_name(stage: str) -> str:
    """The stage's full name, a dash and eight digits of the stack's id. Use it only within that stack.

    Every new stack has another id, so its names never collide with what an earlier stack left. Within a stack the name
    is fixed, so a change that would replace MySQL or the cluster by an empty one fails.
    """
    stack_id = Fn.select(2, Fn.split("/", Aws.STACK_ID))
    return f"{stage}-{Fn.select(0, Fn.split('-', stack_id))}"
