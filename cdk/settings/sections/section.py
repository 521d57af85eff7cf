"""What the sections of cdk.json are made of."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, StrictInt, TypeAdapter

from delivery.aws.variables import Section

#: Refuses true and 1.0 for 1: they are equal in Python, so Literal would accept them.
Whole = BeforeValidator(TypeAdapter(StrictInt).validate_python)
# Secrets Manager adds six characters to a secret's ARN. Without them IAM policies match nothing.
_SECRETS_MANAGER = r"^arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}$"
_KEY = r"^arn:aws[a-z-]*:kms:[^:]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
_WHOLE_ARN = "the whole ARN of a Secrets Manager secret, with the six characters at its end"

SecretArn = Annotated[str, Field(pattern=_SECRETS_MANAGER, title=_WHOLE_ARN)]
KeyArn = Annotated[str, Field(pattern=_KEY, title="the ARN of a KMS key")]
InstanceClass = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*\.[a-z0-9]+$", title="a class such as t4g.micro")]
#: The default of a section if all of its keys have defaults.
EMPTY: Any = Field({}, validate_default=True)


class StageSection(Section):
    """The docstring below a field becomes its description in docs/settings.md."""

    model_config = ConfigDict(strict=True, validate_default=True, use_attribute_docstrings=True)


def chosen_by(*keys: str) -> Discriminator:
    """The first given key decides a section's kind. The kind's tag is "with" and the key."""

    def tag(given: object) -> str | None:
        return next((f"with {key}" for key in keys if isinstance(given, Mapping) and key in given), None)

    return Discriminator(tag)
