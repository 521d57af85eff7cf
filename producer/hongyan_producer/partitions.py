"""Chooses the partition of a key as Java's client does, so that every producer puts a user's events into the same one.

Source: Apache Kafka, `BuiltInPartitioner.partitionForKey`; the hash is Austin Appleby's MurmurHash2 with Kafka's seed.
"""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_32_BITS = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a record with this key, in a topic with this many partitions."""
    return (murmur2(key) & _POSITIVE) % partitions


def murmur2(data: bytes) -> int:
    """The unsigned hash."""
    whole = len(data) & ~3
    found = _SEED ^ len(data)
    for place in range(0, whole, 4):
        word = int.from_bytes(data[place : place + 4], "little")
        found = _times(found) ^ _times(_folded(_times(word), 24))
    if rest := data[whole:]:
        found = _times(found ^ int.from_bytes(rest, "little"))
    return _folded(_times(_folded(found, 13)), 15)


def _times(number: int) -> int:
    return number * _MULTIPLIER & _32_BITS


def _folded(number: int, bits: int) -> int:
    return number ^ number >> bits
