"""Writes the environment variables that a function's settings class reads."""

from collections.abc import Mapping
from typing import Any

from delivery.aws.variables import FunctionSettings, variables


def environment(settings: type[FunctionSettings], given: Mapping[str, Any]) -> dict[str, str]:
    """The variables that the class reads and `given` has. The others come from resources of the stack."""
    return {
        variable.name: _text(_at(given, variable.path)) for variable in variables(settings) if variable.path[0] in given
    }


def _at(given: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value = given[path[0]]
    for name in path[1:]:
        value = getattr(value, name)
    return value


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
