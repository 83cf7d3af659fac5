"""What the console reads from its environment."""

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
        "PENSTOCK_POOL_SIZE", parsers.whole(1, 1000), 25, about="database connections of this process at most"
    )


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    host: str = setting("PENSTOCK_CONSOLE_HOST", parsers.text, "127.0.0.1", about="where the API listens")
    port: int = setting("PENSTOCK_CONSOLE_PORT", parsers.port, 3331, about="the port of the API")
    token: Secret | None = setting(
        "PENSTOCK_API_TOKEN", parsers.secret, None, about="who may use the API: a token, or lines of `name token`"
    )
