"""Keys go to the partitions that Java's client chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan_producer.partitions import murmur2, partition_of

#: Apache Kafka, clients' UtilsTest, testMurmur2; the empty key is librdkafka's, rdmurmur2.c
JAVA: dict[bytes, int] = {
    b"": 275646681,
    b"21": -973932308,
    b"foobar": -790332482,
    bytes([12, 42, 56, 24, 109, 111]): 274204207,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA)
def test_the_hash_is_java_s(key: bytes) -> None:
    """Java's is a signed number."""
    assert murmur2(key) == JAVA[key] % 2**32


def test_a_negative_hash_chooses_as_java_makes_it_positive() -> None:
    """By dropping the sign's bit, which is not the number without its sign."""
    assert partition_of(b"21", 6) == (-973932308 & 0x7FFFFFFF) % 6
    assert partition_of(b"21", 6) != 973932308 % 6


@given(st.binary(max_size=200), st.integers(1, 1_000))
def test_every_key_has_a_partition(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


def test_users_are_spread_over_all_partitions() -> None:
    """A thousand of them over six: none has less than half or more than twice its share."""
    shares = [0] * 6
    for user_id in range(1_000):
        shares[partition_of(str(user_id).encode(), 6)] += 1
    assert min(shares) > 83
    assert max(shares) < 333
