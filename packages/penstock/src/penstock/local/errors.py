"""What can go wrong when local servers are started. The docstring of an error is its message.

LocalError
├── FolderRefused          the folder for data cannot be made, or not be written
├── PostgresUnavailable    nothing on this machine can be started as PostgreSQL
├── PostgresAlreadyRuns    another process owns the server of this folder
├── PostgresFailed         it was started and did not come up
├── KafkaUnavailable       neither Java and Maven nor Docker
├── KafkaFailed            it was started and did not come up
└── ServiceFailed          one of our own processes did not get ready
"""


class LocalError(Exception):
    """A local server failed."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(" ".join((type(self).__doc__ or "").split()).format(**facts))


class FolderRefused(LocalError):
    """{folder} cannot be used for data ({reason}): set PENSTOCK_DATA_DIR to a folder that can be written."""


class PostgresUnavailable(LocalError):
    """There is no PostgreSQL to start on this machine: {reason}.

    Give the address of a running server in PENSTOCK_DATABASE_URL.
    """


class PostgresAlreadyRuns(LocalError):
    """The PostgreSQL in {data_dir} belongs to another process. Attach to it instead, or stop that process first."""


class PostgresFailed(LocalError):
    """The PostgreSQL in {data_dir} did not come up: {reason}.

    Its log is {log}; remove the folder to begin with an empty database.
    """


class KafkaUnavailable(LocalError):
    """There is no Kafka to start on this machine: {reason}.

    Install Java 17 and Maven, start Docker, or give the address of a running broker in PENSTOCK_KAFKA_BOOTSTRAP.
    """


class KafkaFailed(LocalError):
    """Kafka node {node} in {data_dir} did not come up: {reason}. Its log is {log}."""


class ServiceFailed(LocalError):
    """The service {service} did not get ready. Its log is {log}, and ends with:

    {tail}
    """
