"""What the stacks of a stage are called."""


def data_stack_name(stage: str) -> str:
    return f"hongyan-{stage}-data"


def delivery_stack_name(stage: str) -> str:
    return f"hongyan-{stage}-delivery"
