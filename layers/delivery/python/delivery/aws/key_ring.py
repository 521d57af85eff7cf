"""Unwraps the data keys by KMS and keeps them in memory, so that no notification costs a call of KMS."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from delivery.storage.credentials import CredentialError
from delivery.storage.data_keys import DataKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsKeyRing:
    """The data keys. Each is unwrapped once."""

    kms: Any
    kms_key: str
    stored: DataKeys
    now: Callable[[], datetime]
    _unwrapped: dict[int, bytes] = field(default_factory=dict)

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
            try:
                answer = self.kms.decrypt(CiphertextBlob=wrapped, KeyId=self.kms_key)
            except ClientError as error:
                if error.response["Error"]["Code"] not in {"InvalidCiphertextException", "IncorrectKeyException"}:
                    raise
                raise CredentialError(f"KMS does not unwrap data key {key_id}") from error
            self._unwrapped[key_id] = answer["Plaintext"]
        return self._unwrapped[key_id]

    def _make(self) -> tuple[int, bytes]:
        made = self.kms.generate_data_key(KeyId=self.kms_key, KeySpec="AES_256")
        key_id = self.stored.add(made["CiphertextBlob"], now=self.now())
        self._unwrapped[key_id] = made["Plaintext"]
        return key_id, made["Plaintext"]
