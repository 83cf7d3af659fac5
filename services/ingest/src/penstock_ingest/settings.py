"""What ingest reads from its environment."""

from dataclasses import dataclass

from penstock_runtime import parsers
from penstock_runtime.parsers import Secret
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Of a process of its own; one that shares its process is given a store."""

    database_url: Secret = setting(
        "PENSTOCK_DATABASE_URL", parsers.secret_url("postgresql", "postgres"), about="where everything is kept"
    )
    pool_size: int = setting(
        "PENSTOCK_POOL_SIZE", parsers.whole(1, 1000), 8, about="database connections of this process at most"
    )


@dataclass(frozen=True, slots=True)
class IngestSettings:
    host: str = setting("PENSTOCK_INGEST_HOST", parsers.text, "127.0.0.1", about="where webhooks arrive")
    port: int = setting("PENSTOCK_INGEST_PORT", parsers.port, 3332, about="the port of the webhook handler")
    pool_size: int = setting(
        "PENSTOCK_POOL_SIZE", parsers.whole(1, 1000), 8, about="database connections of this process at most"
    )
    largest_body: int = setting(
        "PENSTOCK_INGEST_LARGEST_BODY", parsers.size, 25 * 1024 * 1024, about="the largest webhook that is read"
    )
    store_seconds: float = setting(
        "PENSTOCK_INGEST_STORE_TIMEOUT",
        parsers.duration("100ms"),
        5.0,
        about="how long a webhook waits for the database",
    )
    unsigned: tuple[str, ...] = setting(
        "PENSTOCK_INGEST_UNSIGNED", parsers.words, (), about="platforms whose webhooks are taken without a signature"
    )
