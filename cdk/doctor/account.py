"""Reads an AWS account. Whatever it may not or cannot see is one exception, which a check turns into a warning."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: Short, because a person waits at a terminal. Migrations and the topic have a client of their own.
_QUICK = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
#: A function may run for 15 minutes, and a retry would have to wait for the first call.
_PATIENT = Config(connect_timeout=5, read_timeout=900, retries={"total_max_attempts": 1})
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized")
_ABSENT = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent")

Answer = Mapping[str, Any]


class CannotLook(Exception):  # noqa: N818 - the name says what happened
    """A call to AWS failed. The message says which and why."""


class Absent(CannotLook):
    """AWS says that the thing does not exist."""


@dataclass(frozen=True, kw_only=True)
class Account:
    session: boto3.Session
    region: str

    def ask(self, service: str, verb: str, **told: object) -> Answer:
        return self._asked(self.client(service), verb, told)

    def invoke(self, function: str, payload: bytes) -> tuple[bytes, bool]:
        """Invokes a function, and returns its answer and whether it failed."""
        told = {"FunctionName": function, "Payload": payload}
        answer = self._asked(self.client("lambda", _PATIENT), "invoke", told)
        return answer["Payload"].read(), "FunctionError" in answer

    def every(self, service: str, verb: str, key: str, **told: object) -> list[Any]:
        """The items of all pages."""
        client = self.client(service)
        if not client.can_paginate(verb):
            return list(self.ask(service, verb, **told).get(key, []))
        try:
            return [it for page in client.get_paginator(verb).paginate(**told) for it in page.get(key, [])]
        except (ClientError, BotoCoreError) as error:
            raise _cannot(client, verb, error) from error

    def stack(self, name: str) -> Answer | None:
        try:
            (stack,) = self.ask("cloudformation", "describe_stacks", StackName=name)["Stacks"]
        except Absent:
            return None
        return dict(stack)

    def client(self, service: str, config: Config = _QUICK) -> Any:  # noqa: ANN401 - a boto client
        return self._clients(service, config)

    @cached_property
    def _clients(self) -> Any:  # noqa: ANN401 - as above
        make: Any = self.session.client
        return cache(lambda service, config: make(service, region_name=self.region, config=config))

    def _asked(self, client: Any, verb: str, told: Answer) -> Answer:  # noqa: ANN401 - as above
        try:
            answer: Answer = getattr(client, verb)(**told)
        except (ClientError, BotoCoreError) as error:
            raise _cannot(client, verb, error) from error
        return answer


def _cannot(client: Any, verb: str, error: Exception) -> CannotLook:  # noqa: ANN401 - as above
    action = f"{client.meta.service_model.service_name}:{client.meta.method_to_api_mapping[verb]}"
    if not isinstance(error, ClientError):
        return CannotLook(f"{action}: {error}")
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _DENIED:
        return CannotLook(f"these credentials may not call {action}")
    # CloudFormation's own code for a stack that does not exist is ValidationError.
    absent = any(it in code for it in _ABSENT) or "does not exist" in message
    return (Absent if absent else CannotLook)(f"{action}: {code}: {message}")
