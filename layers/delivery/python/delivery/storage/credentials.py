"""Seals credentials with AES-256-GCM under a data key, bound to user and channel, so that a copied value does not open.

Stored as `v1:key:nonce+ciphertext` (base64). A value without that prefix is a plain-text row of the Go service.
"""

import base64
import binascii
import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PREFIX = "v1:"
_NONCE_BYTES = 12


class CredentialError(Exception):
    """A stored credential cannot be read: it is damaged, copied from another row, or its key is gone."""


class KeyOutOfReach(Exception):  # noqa: N818 - it says what is the matter
    """The key cannot be read now; the message is its service's. The credential itself is fine."""


class KeyRing(Protocol):
    """Gives unwrapped data keys."""

    def current(self) -> tuple[int, bytes]:
        """The id and the 32 bytes of the key that seals."""

    def key(self, key_id: int) -> bytes:
        """The key of this id.

        Raises:
            CredentialError: there is no such key, or it can never be unwrapped.
            KeyOutOfReach: it cannot be unwrapped now.
        """


def seal(credential: str, *, key_id: int, key: bytes, user_id: int, channel: str) -> str:
    """The stored form of a credential of this user's channel."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, credential.encode(), _bound_to(user_id, channel))
    return f"{_PREFIX}{key_id}:{base64.b64encode(sealed).decode()}"


def open_sealed(stored: str, *, keys: KeyRing, user_id: int, channel: str) -> str:
    """The credential behind a stored value.

    Raises:
        CredentialError: it does not open for this user and channel.
    """
    if not stored.startswith(_PREFIX):
        return stored
    key_id, sealed = _parts(stored)
    try:
        opened = AESGCM(keys.key(key_id)).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(user_id, channel)
        )
    except (InvalidTag, ValueError):
        raise CredentialError("the stored credential does not open for this user and channel") from None
    return opened.decode()


def is_sealed_under(key_id: int, stored: str) -> bool:
    return stored.startswith(f"{_PREFIX}{key_id}:")


def _parts(stored: str) -> tuple[int, bytes]:
    try:
        key_id, encoded = stored.removeprefix(_PREFIX).split(":")
        return int(key_id), base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise CredentialError("the stored credential is damaged") from None


def _bound_to(user_id: int, channel: str) -> bytes:
    return f"{user_id}:{channel}".encode()
