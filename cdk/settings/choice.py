"""Sections that are one of several kinds, such as a new VPC or an existing one: the keys in cdk.json say which."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema


class Choice:
    """Annotates a union. A section is of the first kind whose key is given, or else of the last."""

    def __init__(self, **kinds: type[BaseModel]) -> None:
        self.kinds = kinds
        every: dict[str, FieldInfo] = {}
        for kind in kinds.values():
            every = {**every, **{key: field for key, field in kind.model_fields.items() if key not in every}}
        #: the fields of all kinds, those that only some have first; of several with one key, the first kind's
        self.fields = dict(sorted(every.items(), key=lambda it: self._is_shared(it[0])))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        members = {tag: handler(kind) for tag, kind in self.kinds.items()}
        return core_schema.no_info_before_validator_function(
            self._own, core_schema.tagged_union_schema(members, discriminator=self.tag)
        )

    def tag(self, given: object) -> str | None:
        if not isinstance(given, Mapping):
            return None
        return next((tag for tag in self.kinds if _says_something(given.get(tag))), list(self.kinds)[-1])

    def said(self, at: str, tag: str) -> str:
        """The key that asks for this kind. It is empty if the kind is what remains when no other is asked for."""
        return f"{at}.{tag}" if tag in self.fields else ""

    def owner(self, key: str) -> str | None:
        having = [tag for tag, kind in self.kinds.items() if key in kind.model_fields]
        return key if key in having else having[-1] if having else None

    def _is_shared(self, key: str) -> bool:
        return all(key in kind.model_fields for kind in self.kinds.values())

    def _own(self, given: object) -> object:
        """The section without keys of other kinds that are empty or only size what is not made."""
        tag = self.tag(given)
        if tag is None or not isinstance(given, Mapping):
            return given
        others = {key: field for key, field in self.fields.items() if key not in self.kinds[tag].model_fields}
        return {key: value for key, value in given.items() if key not in others or _matters(value, others[key])}


class ChoiceOfKind(Choice):
    """A section is of the kind that its key `kind` names, or else of the first."""

    def tag(self, given: object) -> str | None:
        if not isinstance(given, Mapping):
            return None
        return next((tag for tag in self.kinds if tag == given.get("kind")), next(iter(self.kinds)))

    def said(self, at: str, tag: str) -> str:
        return f"{at}.kind {tag}"


def _says_something(value: object) -> bool:
    return value is not None and value is not False and value != []


def _matters(value: object, field: FieldInfo) -> bool:
    return _says_something(value) and type(field.default) not in (str, int)
