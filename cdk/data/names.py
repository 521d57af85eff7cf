"""The name of what AWS wants a name for and which may outlive its stack: MySQL and the Kafka cluster."""

from aws_cdk import Aws, Fn


def own_name(stage: str) -> str:
    """The stage's full name, a dash, and eight digits of the stack's id; to be used within that stack only.

    Every stack that is created has another id, so what an earlier one left is never in the way. Within a stack the name
    is fixed: a change that would replace MySQL or the cluster by an empty one fails because of it.
    """
    stack_id = Fn.select(2, Fn.split("/", Aws.STACK_ID))
    return f"{stage}-{Fn.select(0, Fn.split('-', stack_id))}"
