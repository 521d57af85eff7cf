"""What the sections of cdk.json are made of: a frozen model, and rules that relate a setting to others."""

from collections.abc import Callable
from inspect import signature
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from delivery.aws.variables import Section

#: the type of a rule's error, whose message is the complaint
RULE = "rule"


def _no_other_number(value: object) -> object:
    """Refuses true and 1.0 where 1 is meant: Python, and so Literal, takes them for equal."""
    if isinstance(value, bool | float):
        raise ValueError  # noqa: TRY004  # what pydantic takes for a wrong value
    return value


Whole = BeforeValidator(_no_other_number)
# A secret's ARN ends in six characters that Secrets Manager adds. Without them IAM policies match nothing.
SecretArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}$",
        title="the whole ARN of a Secrets Manager secret, with the six characters at its end",
    ),
]
InstanceClass = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]*\.[a-z0-9]+$", title="an instance class such as t4g.micro")
]


class StageSection(Section):
    """The docstring below a field is its description in docs/settings.md."""

    # A default may contradict another key, so it is checked like a value.
    model_config = ConfigDict(strict=True, validate_default=True, use_attribute_docstrings=True)


def rule(*fields: str) -> Callable[[Callable[..., str | None]], Any]:
    """A function that complains about one of these fields, or answers None.

    It is given the field, and those before it that it names as parameters; if one of these is wrong itself, it is not
    asked. A complaint about a key inside of the field begins with it, as in ".port: should be 3306".
    """

    def made(complaint: Callable[..., str | None]) -> Any:  # noqa: ANN401  # what pydantic's decorator returns
        _, *others = signature(complaint).parameters

        def check(_: type, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  # of any field
            if all(name in info.data for name in others) and (
                says := complaint(value, *(info.data[name] for name in others))
            ):
                raise PydanticCustomError(RULE, "{says}", {"says": says})
            return value

        return field_validator(*fields)(classmethod(check))

    return made
