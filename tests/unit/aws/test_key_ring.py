"""The keys that open credentials, unwrapped by KMS, and the database's password."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from moto import mock_aws

from delivery.aws.clients import BoundedClient
from delivery.aws.database_login import address_by_secret, or_the_last
from delivery.aws.key_ring import KmsKeyRing
from delivery.deadline import OutOfTime, ending_in, seconds_left
from delivery.domain.operating import Action
from delivery.storage.credentials import CredentialError, KeyOutOfReach
from delivery.storage.mysql.database import Address
from tests.unit.samples import NOW


@dataclass
class StoredKeys:
    """The table of wrapped keys."""

    wrapped_keys: dict[int, bytes] = field(default_factory=dict)

    def newest(self) -> tuple[int, bytes] | None:
        return max(self.wrapped_keys.items()) if self.wrapped_keys else None

    def wrapped(self, key_id: int) -> bytes | None:
        return self.wrapped_keys.get(key_id)

    def add(self, wrapped_key: bytes, *, now: datetime, action: Action | None = None) -> int:
        assert (now, action) == (NOW, None)
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


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "in its words"}}, "Decrypt")


@dataclass
class RefusingKms:
    """Fails until it is told to work again."""

    error: Exception | None
    asked: list[bytes] = field(default_factory=list)

    def decrypt(self, *, CiphertextBlob: bytes) -> dict[str, object]:  # noqa: N803 - boto's
        self.asked.append(CiphertextBlob)
        if self.error:
            raise self.error
        return {"Plaintext": b"k" * 32, "KeyId": "arn"}


@dataclass
class Clock:
    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


def ring_of(kms: RefusingKms, clock: Clock) -> KmsKeyRing:
    stored: Any = StoredKeys({1: b"one", 2: b"two"})
    return KmsKeyRing(kms=kms, kms_key="arn", stored=stored, now=clock)


OUR_TROUBLE = [
    *(
        (refusal(code), f"KMS: {code}: in its words")
        for code in (
            "ThrottlingException",
            "AccessDeniedException",
            "DisabledException",
            "KMSInvalidStateException",
            "NotFoundException",
            "KeyUnavailableException",
            "DependencyTimeoutException",
            "KMSInternalException",
            "ExpiredTokenException",
            "UnrecognizedClientException",
        )
    ),
    (EndpointConnectionError(endpoint_url="https://kms.example"), "EndpointConnectionError"),
    (NoCredentialsError(), "NoCredentialsError"),
    (OutOfTime("AWS did not answer decrypt in time"), "OutOfTime: AWS did not answer decrypt in time"),
]


@pytest.mark.parametrize(("error", "words"), OUR_TROUBLE, ids=lambda one: str(one)[:40])
def test_a_kms_that_is_away_puts_the_key_out_of_reach_and_nobody_s_credential_is_at_fault(
    error: Exception, words: str
) -> None:
    """Records are held for as long as it lasts, and the cause is said in KMS's own words."""
    kms, clock = RefusingKms(error), Clock()
    one = ring_of(kms, clock)
    for _hour in range(5):
        with pytest.raises(KeyOutOfReach, match=re.escape(words)):
            one.key(1)
        clock.time += timedelta(hours=1)
    kms.error = None
    assert one.key(1) == b"k" * 32


def test_a_kms_that_is_away_is_asked_every_ten_seconds_for_each_key() -> None:
    """Each of a thousand records would otherwise wait for it anew."""
    kms, clock = RefusingKms(refusal("ThrottlingException")), Clock()
    one = ring_of(kms, clock)
    for seconds in (0, 5, 9.9, 10, 19, 20):
        clock.time = NOW + timedelta(seconds=seconds)
        for key_id in (1, 2):
            with pytest.raises(KeyOutOfReach, match="KMS: ThrottlingException: in its words"):
                one.key(key_id)
    assert kms.asked == [b"one", b"two"] * 3


def test_a_key_that_is_at_hand_is_used_while_kms_is_away() -> None:
    """Only users whose key was never unwrapped here have to wait."""
    kms, clock = RefusingKms(None), Clock()
    one = ring_of(kms, clock)
    key = one.key(1)
    kms.error = refusal("AccessDeniedException")
    with pytest.raises(KeyOutOfReach):
        one.key(2)
    assert one.key(1) == key


def test_a_kms_that_hangs_is_waited_for_no_longer_than_the_deadline_allows() -> None:
    """Name look-up included, which has no time-out of its own: the call is left behind on its thread."""
    released = threading.Event()
    hanging = BoundedClient(lambda: SimpleNamespace(decrypt=lambda **_: released.wait(timeout=60)))
    stored: Any = StoredKeys({1: b"one"})
    one = KmsKeyRing(kms=hanging, kms_key="arn", stored=stored, now=Clock())
    began = monotonic()
    try:
        with ending_in(0.3), pytest.raises(KeyOutOfReach, match="KMS: OutOfTime: AWS did not answer decrypt in time"):
            one.key(1)
    finally:
        released.set()
    assert monotonic() - began < 30


def test_bytes_that_kms_never_wrapped_are_a_credential_error() -> None:
    """This answer is about the bytes themselves; every other one is trouble that passes."""
    with pytest.raises(CredentialError, match="KMS does not unwrap data key 1"):
        ring_of(RefusingKms(refusal("InvalidCiphertextException")), Clock()).key(1)


def test_what_a_former_kms_key_wrapped_is_still_read_and_new_keys_are_the_present_one_s(
    kms: CountingKms, kms_key: str
) -> None:
    """KMS finds the key in the bytes; the role says which keys it may be. The old data key seals nothing more."""
    former = str(kms.kms.create_key()["KeyMetadata"]["Arn"])
    stored = StoredKeys()
    old_id, old = ring(kms, former, stored).current()
    moved = ring(kms, kms_key, stored)
    assert moved.key(old_id) == old
    new_id, new = moved.current()
    assert (new_id, new != old) == (old_id + 1, True)
    assert ring(kms, kms_key, stored).current() == (new_id, new)
    assert kms.kms.decrypt(CiphertextBlob=stored.wrapped_keys[new_id])["KeyId"] == kms_key


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


def test_the_last_login_is_used_while_secrets_manager_is_away() -> None:
    """The password is likely to be good still. Without any login the cause is raised."""
    answers: list[Address | Exception] = []

    def ask() -> Address:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    old, new = (Address(host="h", port=1, database="d", user="u", password=word) for word in ("old", "new"))
    login, away = or_the_last(ask), refusal("AccessDeniedException")
    answers[:] = [away, old, away, OutOfTime("AWS did not answer"), new, away]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        login()
    assert [login() for _ in range(5)] == [old, old, old, new, new]


def test_kms_has_four_seconds_for_a_key() -> None:
    """However long the invocation may last: the others' messages wait for it."""
    left = list[float]()

    def decrypt(**_: object) -> dict[str, object]:
        left.append(seconds_left())
        return {"Plaintext": b"k" * 32, "KeyId": "arn"}

    stored = StoredKeys({1: b"wrapped"})
    assert ring(SimpleNamespace(decrypt=decrypt), "arn", stored).key(1) == b"k" * 32  # type: ignore[arg-type]
    assert 3 < left[0] <= 4
