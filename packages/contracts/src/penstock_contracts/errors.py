"""What can go wrong with a record.

ContractError
├── UnknownSchema      the writer's schema is not embedded here: look it up, then decode again
├── Undecodable        the bytes are not what the headers say, or a schema is not what its id says
├── BadEnvelope        a header is missing, malformed, or cannot be written
│   └── UnknownType    the envelope is well made, but no fact of this process has its type
├── Unencodable        the fact holds what its schema cannot carry
│   └── EventTooLarge  more than an event may weigh: put the text into a blob
├── SchemaCollision    two schemas have one id, so bytes could be read with the wrong one
└── NotReleasable      today's schemas and a released one cannot read each other, or a released one was edited
"""


class ContractError(Exception):
    """A record breaks the contract."""


class UnknownSchema(ContractError):
    """The schema of this record is not known to this process."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id} is not embedded in this process")
        self.schema_id = schema_id


class Undecodable(ContractError):
    """The value of this record cannot be decoded."""


class BadEnvelope(ContractError):
    """The headers of this record are not a CloudEvents envelope of ours."""


class UnknownType(BadEnvelope):
    """No fact of this process has the type that the headers name."""


class Unencodable(ContractError):
    """This fact holds a value that its schema cannot carry."""


class EventTooLarge(Unencodable):
    """The event weighs more than 64 KiB: move its text into a blob and refer to it."""


class SchemaCollision(ContractError):
    """Two schemas have one id: change a field of the newer one, its id follows from its text."""


class NotReleasable(ContractError):
    """The schemas of today cannot be released beside those released before."""
