"""Keeps the keys of the backend's own tokens, and reads them anew, so that a rotated one is soon taken up."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from delivery.aws.api.own_tokens import LEAST_KEY_BYTES, KeysOutOfReach
from delivery.aws.clients import AWS_ERRORS, own_words
from delivery.aws.telemetry import logger
from delivery.aws.variables import SettingsError
from delivery.deadline import ending_in

#: API Gateway waits five seconds for the authorizer.
_CALL_SECONDS = 3.0
#: How long the previous key stays valid after a rotation, because tokens that it signed are still in use.
_OVERLAP = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class TokenKeys:
    secrets_manager: Any
    secret_arn: str
    now: Callable[[], datetime]
    _keys: Sequence[bytes] = field(default=(), repr=False)
    #: When Secrets Manager was asked last, whether it answered or not.
    _asked_at: datetime | None = None

    def read_within(self, age: timedelta) -> Sequence[bytes]:
        """The key, and the previous one if it was replaced recently, read no longer ago than `age`.

        Returns the last known keys while Secrets Manager does not answer.

        Raises:
            KeysOutOfReach: no key could be read yet.
        """
        if self._asked_at is None or self.now() - self._asked_at >= age:
            self._asked_at = self.now()
            self._renew()
        if not self._keys:
            raise KeysOutOfReach
        return self._keys

    def _renew(self) -> None:
        try:
            with ending_in(_CALL_SECONDS):
                self._keys = self._read()
        except AWS_ERRORS as error:
            logger.warning("the secret with the tokens' key cannot be read", extra={"why": own_words(error)})

    def _read(self) -> Sequence[bytes]:
        secret = self.secrets_manager.get_secret_value(SecretId=self.secret_arn)
        key = _key_in(secret["SecretString"])
        is_new = self.now() - secret["CreatedDate"] < _OVERLAP
        return (key, *(self._previous() if is_new else ()))

    def _previous(self) -> Sequence[bytes]:
        try:
            secret = self.secrets_manager.get_secret_value(SecretId=self.secret_arn, VersionStage="AWSPREVIOUS")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return ()
            raise
        return (_key_in(secret["SecretString"]),)


def _key_in(text: str) -> bytes:
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    key = str(found["key"] if isinstance(found, dict) else text).encode()
    if len(key) < LEAST_KEY_BYTES:
        raise SettingsError(f"TOKEN_SECRET_ARN: the secret's key should have at least {LEAST_KEY_BYTES} bytes")
    return key
