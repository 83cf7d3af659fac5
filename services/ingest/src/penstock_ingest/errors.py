"""Why ingest does not take a webhook that it could read.

IngestError
├── BodyTooLarge       413
└── StoreTooSlow       503: the platform or a person sends it again
"""


class IngestError(Exception):
    """A webhook was not taken."""


class BodyTooLarge(IngestError):
    """The body has more bytes than are read."""


class StoreTooSlow(IngestError):
    """It was not stored in time."""
