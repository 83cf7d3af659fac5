"""What a record weighs in Kafka's format, as a topic's `max.message.bytes` counts it."""

from penstock_contracts.envelope import Headers

_BATCH, _RECORD, _PART = 61, 13, 5
"""Bytes that the format adds at most: to a batch, to a record, and to each part of it for its length."""


def weight_of(key: str, headers: Headers, value: bytes) -> int:
    """The bytes of a batch that holds this record alone, or a few more: a topic that takes so many takes the record."""
    told = sum(2 * _PART + len(name.encode()) + len(each) for name, each in headers)
    return _BATCH + _RECORD + 2 * _PART + len(key.encode()) + len(value) + told
