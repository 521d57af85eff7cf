"""Unwraps the data keys by KMS and keeps them in memory, so that no notification costs a call of KMS."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from delivery.aws.clients import AWS_ERRORS, own_words
from delivery.deadline import ending_in
from delivery.storage.credentials import CredentialError, KeyOutOfReach
from delivery.storage.data_keys import DataKeys

#: Of the bytes themselves; whatever else KMS says is trouble of ours, which passes.
_NEVER_UNWRAPS = {"InvalidCiphertextException", "IncorrectKeyException"}
_CALL_SECONDS = 4.0
_ASK_AGAIN_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsKeyRing:
    """The data keys. Each is unwrapped once."""

    kms: Any
    kms_key: str
    stored: DataKeys
    now: Callable[[], datetime]
    _unwrapped: dict[int, bytes] = field(default_factory=dict)
    #: Until when KMS is not asked again for a key that it just did not unwrap, and what it said.
    _refused: dict[int, tuple[datetime, str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"KmsKeyRing({self.kms_key})"

    def current(self) -> tuple[int, bytes]:
        """The newest key; the first one is made on first use."""
        newest = self.stored.newest()
        if newest is None:
            return self._make()
        return newest[0], self._unwrap(*newest)

    def key(self, key_id: int) -> bytes:
        if key_id in self._unwrapped:
            return self._unwrapped[key_id]
        wrapped = self.stored.wrapped(key_id)
        if wrapped is None:
            raise CredentialError(f"the stored credential names data key {key_id}, which is gone")
        return self._unwrap(key_id, wrapped)

    def _unwrap(self, key_id: int, wrapped: bytes) -> bytes:
        if key_id not in self._unwrapped:
            until, why = self._refused.get(key_id, (self.now(), ""))
            if self.now() < until:
                raise KeyOutOfReach(why)
            self._unwrapped[key_id] = self._decrypted(key_id, wrapped)
        return self._unwrapped[key_id]

    def _decrypted(self, key_id: int, wrapped: bytes) -> bytes:
        try:
            with ending_in(_CALL_SECONDS):
                return bytes(self.kms.decrypt(CiphertextBlob=wrapped, KeyId=self.kms_key)["Plaintext"])
        except AWS_ERRORS as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NEVER_UNWRAPS:
                raise CredentialError(f"KMS does not unwrap data key {key_id}") from error
            why = f"KMS: {own_words(error)}"
            self._refused[key_id] = self.now() + _ASK_AGAIN_AFTER, why
            raise KeyOutOfReach(why) from error

    def _make(self) -> tuple[int, bytes]:
        made = self.kms.generate_data_key(KeyId=self.kms_key, KeySpec="AES_256")
        key_id = self.stored.add(made["CiphertextBlob"], now=self.now())
        self._unwrapped[key_id] = made["Plaintext"]
        return key_id, made["Plaintext"]
