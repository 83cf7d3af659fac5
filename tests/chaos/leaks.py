"""The judgement of secrets (N11): none of them is anywhere but where it belongs, as it is or in a plain coding."""

import base64
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from penstock_store.encoding import Packed, unpack
from tests.chaos.verdict import Verdict, none_of

_TABLES = """
select table_name from information_schema.tables
where table_schema = 'workflow' and table_name <> 'marker_key' order by 1
"""
"""All but the one where the key of marks belongs."""
_STATES = "streams"
_AT_ONCE = 500
_LONG = 12
"""Characters of base64 that stand nowhere by chance."""
Text = tuple[str, bytes]
"""Where it was found, and what stands there."""


def judge(invariant: str, secrets: Sequence[str], texts: Iterable[Text]) -> Verdict:
    marks = {secret: _codings(secret) for secret in secrets}
    places, found = Counter[str](), Counter[str]()
    for place, text in texts:
        places[place] += 1
        for secret, codings in marks.items():
            if any(coding in text for coding in codings):
                found[f"{secret[:4]}… in {place}"] += 1
    among = f"{len(secrets)} secrets, {places.total()} texts of {len(places)} tables, topics, logs and others"
    return none_of(invariant, (f"{what}, {count} times" for what, count in found.items()), among)


def in_tables(url: str) -> Iterator[Text]:
    """Every value of every row of the schema; what is stored deflated or as a difference also as it is read."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        for table in [str(row["table_name"]) for row in connection.execute(_TABLES).fetchall()]:
            with connection.cursor(name="leaks") as cursor:
                cursor.itersize = _AT_ONCE
                for row in cursor.execute(sql.SQL("select * from workflow.{}").format(sql.Identifier(table))):
                    yield f"table {table}", b"\0".join(_values(table, row))


def _values(table: str, row: Mapping[str, Any]) -> Iterator[bytes]:
    for value in row.values():
        text = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        yield text
        yield _inflated(text)
    if table == _STATES:
        yield unpack(Packed(row["encoding"], bytes(row["state"]), bytes(row["base"]))) or b""


def _inflated(text: bytes) -> bytes:
    """With whatever header; nothing where it is not deflated."""
    try:
        return zlib.decompressobj(wbits=32 + zlib.MAX_WBITS).decompress(text)
    except zlib.error:
        return b""


def _codings(secret: str) -> Sequence[bytes]:
    """As it is, in an address, in hexadecimal, and in base64 wherever in a longer text it begins, as after a name."""
    plain = secret.encode()
    within = (base64.b64encode(bytes(skipped) + plain) for skipped in range(3))
    inner = [text[4 if skipped else 0 : len(text) - 4].rstrip(b"=") for skipped, text in enumerate(within)]
    return [plain, quote(secret).encode(), plain.hex().encode(), *(text for text in inner if len(text) >= _LONG)]
