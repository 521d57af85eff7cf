"""Writes the environment variables that a function's settings class reads."""

from collections.abc import Mapping

from pydantic import BaseModel

from delivery.aws.variables import FunctionSettings


def environment(settings: type[FunctionSettings], *given: BaseModel | Mapping[str, object]) -> dict[str, str]:
    """The given variables among those that the class reads. The stack's resources supply the others."""
    values = {name: value for section in given for name, value in dict(section).items()}
    return {variable: _text(values[name]) for name, variable in settings.variables().items() if name in values}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
