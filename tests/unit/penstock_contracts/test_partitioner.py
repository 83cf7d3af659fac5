"""The vectors come from Kafka's own Java client; murmur2_java.json says how."""

import json
from pathlib import Path

import pytest

from penstock_contracts.partitioner import murmur2, partition_of

JAVA = json.loads((Path(__file__).parent / "murmur2_java.json").read_text())
VECTORS = [(bytes.fromhex(key), *numbers) for key, *numbers in JAVA["vectors"]]
TEXTS = 14


def test_the_vectors_have_every_length_of_a_tail_and_both_signs() -> None:
    assert {len(key) % 4 for key, *_ in VECTORS} == {0, 1, 2, 3}
    assert {signed < 0 for _, signed, *_ in VECTORS} == {True, False}
    assert len(VECTORS) == 100


@pytest.mark.parametrize(("key", "signed"), [vector[:2] for vector in VECTORS])
def test_the_hash_is_javas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@pytest.mark.parametrize(("key", "partitions"), [(key.decode(), partitions) for key, _, *partitions in VECTORS[:TEXTS]])
def test_the_partition_of_a_text_is_javas(key: str, partitions: list[int]) -> None:
    assert [partition_of(key, None, count) for count in (1, 3, 12, 24)] == partitions


def test_a_spread_number_goes_before_the_key() -> None:
    assert [partition_of("same key", spread, 24) for spread in (0, 23, 24, 1001)] == [0, 23, 0, 17]
