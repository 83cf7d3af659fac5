"""The kinds of columns that the tables are made of."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Integer, LargeBinary, MetaData, Text, text

SCHEMA = "workflow"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={"pk": "%(table_name)s_pkey", "ck": "%(table_name)s_%(constraint_name)s_check"},
)


def key(name: str, **options: Any) -> Column[str]:
    return Column(name, Text(collation="C"), nullable=False, **options)


def words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def octets(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def moment(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True))


def stamp(name: str) -> Column[Any]:
    """When the row was written, by the database's clock."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))


def number(name: str, kind: type[Any] = Integer) -> Column[int]:
    return Column(name, kind, nullable=False, server_default=text("0"))


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def one_of_enum(column: str, enum: type[StrEnum]) -> CheckConstraint:
    return one_of(column, [value.value for value in enum])
