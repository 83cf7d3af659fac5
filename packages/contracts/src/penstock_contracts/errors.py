"""What can go wrong with a record.

ContractError
├── UnknownSchema      the writer's schema is not embedded here: look it up, then decode again
├── Undecodable        the bytes are not what the headers say
├── BadEnvelope        a required header is missing or malformed
└── EventTooLarge      more than an event may weigh: put the text into a blob
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


class EventTooLarge(ContractError):
    """The event weighs more than 64 KiB: move its text into a blob and refer to it."""
