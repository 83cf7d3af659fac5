"""How fast events of 2.7 KB are written and read with their envelope, against bare fastavro on the same values.

    python -m bench.codec [--short]

Ours makes headers and a framed value from a fact, and a fact from them; the peer makes bytes from a dictionary and a
dictionary from them. Bound: ratio >= 0.4 (median over the rounds) for both directions.
"""

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import fastavro
import msgspec

from bench.alternate import ROUNDS, alternate, rate_of
from bench.figures import Figure, alone
from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.examples import examples
from penstock_contracts.facts import CommentsRequested, Fact, ReviewPart
from penstock_contracts.schemas import schema_of

BOUND = 0.4
FRAME = 5
PARTS = 27


def event() -> Event[Fact]:
    """A request for the comments of a review of many batches."""
    ((envelope, fact),) = ((one.envelope, one.fact) for one in examples() if isinstance(one.fact, CommentsRequested))
    parts = tuple(ReviewPart(Stage.FILES_REVIEW, str(index), "ok", f"{index:064d}") for index in range(PARTS))
    return Event(envelope, replace(fact, parts=parts))


def encoding(codec: Codec, said: Event[Fact], schema: Any, count: int, rounds: int) -> Figure:
    plain = msgspec.to_builtins(said.fact, builtin_types=(datetime,))

    def bare() -> bytes:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, schema, plain)
        return buffer.getvalue()

    weight = len(codec.encode(said).value)
    compared = alternate(lambda: rate_of(lambda: codec.encode(said), count), lambda: rate_of(bare, count), rounds)
    return compared.figure(f"codec: encode {weight:,} bytes with their envelope, against bare fastavro", BOUND)


def decoding(codec: Codec, said: Event[Fact], schema: Any, count: int, rounds: int) -> Figure:
    encoded = codec.encode(said)
    body = encoded.value[FRAME:]

    def bare() -> object:
        return fastavro.schemaless_reader(io.BytesIO(body), schema, None)

    compared = alternate(
        lambda: rate_of(lambda: codec.decode(encoded.headers, encoded.value), count),
        lambda: rate_of(bare, count),
        rounds,
    )
    weight = len(encoded.value)
    return compared.figure(f"codec: decode {weight:,} bytes with their envelope, against bare fastavro", BOUND)


def main(short: bool) -> Sequence[Figure]:
    count, rounds = (2_000, 3) if short else (10_000, ROUNDS)
    codec, said = Codec(), event()
    schema = fastavro.parse_schema(json.loads(schema_of(type(said.fact)).text), named_schemas={})
    return [direction(codec, said, schema, count, rounds) for direction in (encoding, decoding)]


if __name__ == "__main__":
    sys.exit(alone(main))
