"""Unwraps the data keys by KMS and keeps them in memory, so that no notification costs a call of KMS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from delivery.aws.clients import AWS_ERRORS, own_words
from delivery.deadline import ending_in
from delivery.storage.credentials import CredentialError, KeyOutOfReach
from delivery.storage.data_keys import DataKeys

if TYPE_CHECKING:  # its import costs a cold start
    from delivery.domain.operating import Action

#: KMS's error for wrapped bytes that it can never unwrap. Any other error may pass.
_NEVER_UNWRAPS = {"InvalidCiphertextException"}
_CALL_SECONDS = 4.0
_ASK_AGAIN_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsKeyRing:
    """The data keys. Each is unwrapped once; the function's role must be allowed to use the KMS key that wrapped it."""

    kms: Any
    #: The KMS key that wraps new data keys.
    kms_key: str
    stored: DataKeys
    now: Callable[[], datetime]
    _unwrapped: dict[int, bytes] = field(default_factory=dict)
    #: The KMS key that wrapped each of them.
    _wrapped_by: dict[int, str] = field(default_factory=dict)
    #: For a key that KMS has just refused: when to ask again, and what KMS said.
    _refused: dict[int, tuple[datetime, str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"KmsKeyRing({self.kms_key})"

    def current(self) -> tuple[int, bytes]:
        """The newest key. A new one is made on first use and after the stage's KMS key has changed."""
        newest = self.stored.newest()
        if newest is None:
            return self._make()
        key_id, key = newest[0], self._unwrap(*newest)
        return (key_id, key) if self._wrapped_by[key_id] == self.kms_key else self._make()

    def key(self, key_id: int) -> bytes:
        if key_id in self._unwrapped:
            return self._unwrapped[key_id]
        wrapped = self.stored.wrapped(key_id)
        if wrapped is None:
            raise CredentialError(f"the stored credential names data key {key_id}, which is gone")
        return self._unwrap(key_id, wrapped)

    def rotate(self, action: Action) -> int:
        """Makes a new newest key and returns its id. Older keys still open what they sealed."""
        return self._make(action)[0]

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
                told = self.kms.decrypt(CiphertextBlob=wrapped)  # the bytes name their KMS key
            self._wrapped_by[key_id] = str(told["KeyId"])
            return bytes(told["Plaintext"])
        except AWS_ERRORS as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NEVER_UNWRAPS:
                raise CredentialError(f"KMS does not unwrap data key {key_id}") from error
            why = f"KMS: {own_words(error)}"
            self._refused[key_id] = self.now() + _ASK_AGAIN_AFTER, why
            raise KeyOutOfReach(why) from error

    def _generated(self) -> Mapping[str, Any]:
        try:
            with ending_in(_CALL_SECONDS):
                made: Mapping[str, Any] = self.kms.generate_data_key(KeyId=self.kms_key, KeySpec="AES_256")
                return made
        except AWS_ERRORS as error:
            raise KeyOutOfReach(f"KMS: {own_words(error)}") from error

    def _make(self, action: Action | None = None) -> tuple[int, bytes]:
        made = self._generated()
        key_id = self.stored.add(made["CiphertextBlob"], now=self.now(), action=action)
        self._unwrapped[key_id], self._wrapped_by[key_id] = made["Plaintext"], self.kms_key
        return key_id, made["Plaintext"]
