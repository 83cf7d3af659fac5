"""What the commands of operators read from their environment."""

from dataclasses import dataclass
from pathlib import Path

from penstock_runtime import parsers
from penstock_runtime.parsers import Secret
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Where the jobs API is, and the token that it asks for."""

    url: str | None = setting(
        "PENSTOCK_CONSOLE_URL",
        parsers.url("https", "http"),
        None,
        about="where `penstock jobs` finds the jobs API, if not on this host",
    )
    port: int = setting("PENSTOCK_CONSOLE_PORT", parsers.port, 3331, about="the port of the API")
    token: Secret | None = setting(
        "PENSTOCK_API_TOKEN", parsers.secret, None, about="who may use the API: a token, or lines of `name token`"
    )

    def base(self) -> str:
        return self.url.rstrip("/") if self.url else f"http://127.0.0.1:{self.port}"

    def bearer(self) -> str:
        """The first token, where the variable holds the whole list of the console."""
        lines = self.token.reveal().splitlines() if self.token else []
        return next((line.split()[-1] for line in lines if line.strip()), "")


@dataclass(frozen=True, slots=True)
class GivenDatabase:
    url: Secret | None = setting(
        "PENSTOCK_DATABASE_URL",
        parsers.optional(parsers.secret_url("postgresql", "postgres"), ""),
        None,
        about="where everything is kept",
    )


@dataclass(frozen=True, slots=True)
class Brokers:
    bootstrap: str = setting(
        "PENSTOCK_KAFKA_BOOTSTRAP", parsers.text, "", about="brokers; without them the log is a table of the database"
    )
    config: Path | None = setting(
        "PENSTOCK_KAFKA_CONFIG",
        parsers.optional(parsers.path, ""),
        None,
        about="a properties file for the Kafka client: SASL, TLS",
    )
    prefix: str = setting(
        "PENSTOCK_TOPIC_PREFIX", parsers.text, "", about="put before every topic and group, to share a cluster"
    )
