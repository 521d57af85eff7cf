"""Reads a settings class from environment variables, and names each variable that is wrong."""

import os
from collections.abc import Mapping
from typing import Self, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError


class SettingsError(Exception):
    """Settings are missing or malformed. The message has a line for each."""


class Section(BaseModel):
    """Settings that belong together."""

    # Pydantic builds a class on first use, so a cold start pays only for the class that its function reads.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class FunctionSettings(Section):
    """A field is read from the variable of its name in upper case, or from its `serialization_alias`."""

    model_config = ConfigDict(str_strip_whitespace=True)

    @classmethod
    def variables(cls) -> Mapping[str, str]:
        """Field → variable."""
        return {name: field.serialization_alias or name.upper() for name, field in cls.model_fields.items()}

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings in this environment, the process's own by default.

        Raises:
            SettingsError: with one line for each variable that is missing or malformed.
        """
        source, variables = os.environ if environment is None else environment, cls.variables()
        given = {name: cls._value(name, source[it]) for name, it in variables.items() if it in source}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            # The value is left out: somebody may have put a secret into the wrong variable.
            wrong = {variables[str(it["loc"][0])]: it["msg"] for it in error.errors(include_input=False)}
            raise SettingsError("\n".join(f"{name}: {says}" for name, says in wrong.items())) from None

    @classmethod
    def _value(cls, name: str, text: str) -> str | list[str]:
        """Lists are separated by commas."""
        is_list = get_origin(cls.model_fields[name].annotation) is tuple
        return [part for part in text.split(",") if part.strip()] if is_list else text
