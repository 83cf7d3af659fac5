"""Stored facts as events, also those that a newer program stored."""

from collections.abc import Sequence

from penstock_contracts.codec import Codec
from penstock_contracts.errors import UnknownSchema
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_store.postgres.database import Connection
from penstock_store.postgres.headers import unpack_headers

_FACTS = """
select headers, value from workflow.facts where stream = %s and sequence > %s order by sequence
"""
SCHEMA = "select text from workflow.schemas where id = %s"


async def read_facts(connection: Connection, codec: Codec, stream: str, after: int = 0) -> Sequence[Event[Fact]]:
    cursor = await connection.execute(_FACTS, (stream, after))
    return [
        await _decoded(connection, codec, bytes(headers), bytes(value)) for headers, value in await cursor.fetchall()
    ]


async def _decoded(connection: Connection, codec: Codec, headers: bytes, value: bytes) -> Event[Fact]:
    try:
        return codec.decode(unpack_headers(headers), value)
    except UnknownSchema as unknown:
        cursor = await connection.execute(SCHEMA, (unknown.schema_id,))
        found = await cursor.fetchone()
        if found is None:
            raise
        codec.learn(unknown.schema_id, found[0])
        return codec.decode(unpack_headers(headers), value)
