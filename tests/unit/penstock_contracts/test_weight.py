"""What is said of a record's weight; a real Kafka is asked in the suite of the log."""

import pytest

from penstock_contracts.envelope import Headers
from penstock_contracts.weight import weight_of


@pytest.mark.parametrize(
    ("key", "headers", "value"),
    [
        ("", (), b""),
        ("stream", (("ce_id", b"1"), ("ce_type", b"ast.requested")), b"v" * 15_000),
        ("ü", (("ü", b""),), b""),
    ],
)
def test_everything_in_a_record_counts(key: str, headers: Headers, value: bytes) -> None:
    texts = [key.encode(), value, *(part for name, each in headers for part in (name.encode(), each))]
    assert 0 < weight_of(key, headers, value) - sum(map(len, texts)) - 5 * len(texts) < 80
