"""The keys that open credentials, unwrapped by KMS, and the database's password."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from delivery.aws.database_login import address_by_secret
from delivery.aws.key_ring import KmsKeyRing
from delivery.storage.credentials import CredentialError
from tests.unit.samples import NOW


@dataclass
class StoredKeys:
    """The table of wrapped keys."""

    wrapped_keys: dict[int, bytes] = field(default_factory=dict)

    def newest(self) -> tuple[int, bytes] | None:
        return max(self.wrapped_keys.items()) if self.wrapped_keys else None

    def wrapped(self, key_id: int) -> bytes | None:
        return self.wrapped_keys.get(key_id)

    def add(self, wrapped_key: bytes, *, now: datetime) -> int:
        assert now == NOW
        self.wrapped_keys[len(self.wrapped_keys) + 1] = wrapped_key
        return len(self.wrapped_keys)


class CountingKms:
    """Moto's KMS, with its calls counted."""

    def __init__(self, kms: Any) -> None:
        self.kms, self.calls = kms, Counter[str]()

    def decrypt(self, **arguments: Any) -> Any:
        self.calls["decrypt"] += 1
        return self.kms.decrypt(**arguments)

    def generate_data_key(self, **arguments: Any) -> Any:
        self.calls["generate_data_key"] += 1
        return self.kms.generate_data_key(**arguments)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


@pytest.fixture
def kms(aws: None) -> CountingKms:
    return CountingKms(boto3.client("kms", region_name="eu-west-1"))


@pytest.fixture
def kms_key(kms: CountingKms) -> str:
    return str(kms.kms.create_key()["KeyMetadata"]["Arn"])


def ring(kms: CountingKms, kms_key: str, stored: StoredKeys) -> KmsKeyRing:
    """As a cold start makes it."""
    return KmsKeyRing(kms=kms, kms_key=kms_key, stored=stored, now=lambda: NOW)  # type: ignore[arg-type]


def test_the_first_key_is_made_on_first_use_and_only_its_wrapped_form_is_stored(kms: CountingKms, kms_key: str) -> None:
    """Afterwards the same one is used."""
    stored = StoredKeys()
    one = ring(kms, kms_key, stored)
    key_id, key = one.current()
    assert (key_id, len(key)) == (1, 32)
    assert key not in stored.wrapped_keys[1]
    assert (one.current(), one.key(1)) == ((1, key), key)
    assert kms.calls == {"generate_data_key": 1}


def test_a_cold_start_costs_one_call_of_kms_for_each_key_it_meets(kms: CountingKms, kms_key: str) -> None:
    """And no notification costs one."""
    stored = StoredKeys()
    keys = [ring(kms, kms_key, stored).current()[1]]
    stored.add(kms.kms.generate_data_key(KeyId=kms_key, KeySpec="AES_256")["CiphertextBlob"], now=NOW)
    kms.calls.clear()
    cold = ring(kms, kms_key, stored)
    for _ in range(100):
        assert cold.key(1) == keys[0]
        assert cold.current() == (2, cold.key(2))
    assert kms.calls == {"decrypt": 2}


def test_a_key_that_is_gone_or_not_ours_is_a_credential_error(kms: CountingKms, kms_key: str) -> None:
    """Its rows cannot be read; the others can."""
    stored = StoredKeys()
    stored.add(b"never wrapped by KMS", now=NOW)
    cold = ring(kms, kms_key, stored)
    with pytest.raises(CredentialError, match="data key 2, which is gone"):
        cold.key(2)
    with pytest.raises(CredentialError, match="does not unwrap data key 1"):
        cold.key(1)


def failing_ring(code: str) -> KmsKeyRing:
    def fail(**_arguments: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "m"}}, "Decrypt")

    kms: Any = SimpleNamespace(decrypt=fail)
    return ring(kms, "arn", StoredKeys({1: b"w"}))


def test_a_kms_that_is_down_is_no_fault_of_the_credential() -> None:
    """It is raised: the attempt is tried again, and no record dies of it."""
    with pytest.raises(ClientError):
        failing_ring("ThrottlingException").key(1)


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException"])
def test_a_key_wrapped_elsewhere_is_a_credential_error(code: str) -> None:
    """As after a restore into another account."""
    with pytest.raises(CredentialError, match="KMS does not unwrap data key 1"):
        failing_ring(code).key(1)


def test_a_repr_shows_no_keys_and_no_password(kms: CountingKms, kms_key: str) -> None:
    """It may end up in a traceback."""
    one = ring(kms, kms_key, StoredKeys())
    _, key = one.current()
    assert repr(one) == f"KmsKeyRing({kms_key})"
    assert repr(key) not in repr(one)
    settings = SimpleNamespace(
        database_secret_arn="arn", database_host="h", database_port=3306, database_name="d", database_ca_file=""
    )
    secret = {"SecretString": json.dumps({"username": "u", "password": "hunter2"})}
    manager = SimpleNamespace(get_secret_value=lambda SecretId: secret if SecretId == "arn" else {})  # noqa: N803
    address = address_by_secret(settings, manager)  # type: ignore[arg-type]
    assert (address.user, address.password, address.host) == ("u", "hunter2", "h")
    assert "hunter2" not in repr(address)
