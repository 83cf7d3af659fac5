"""Every PENSTOCK_* variable any process knows, so that one process does not refuse another's.

A settings class declares its variables with `setting(...)`; their names are listed here as well, since a process does
not import the other services. tests/unit/penstock_runtime/test_names.py holds the two together.
"""

from __future__ import annotations

PLATFORMS = ("github", "gitlab", "bitbucket", "bitbucket-dc", "azure", "gitea", "forgejo")

OPEN = frozenset(
    {
        "PENSTOCK_AST_FILE_SIZE",
        "PENSTOCK_AST_FILE_TIMEOUT",
        "PENSTOCK_AST_WORKERS",
        "PENSTOCK_BATCH_WINDOW",
        "PENSTOCK_CACHE_DIR",
        "PENSTOCK_COMMENTER_CALL_TIMEOUT",
        "PENSTOCK_COMMENTER_SETTLE_DELAY",
        "PENSTOCK_CONFIG",
        "PENSTOCK_CONFIG_TTL",
        "PENSTOCK_CONSOLE_HOST",
        "PENSTOCK_CONSOLE_PORT",
        "PENSTOCK_CONSOLE_URL",
        "PENSTOCK_DATA_DIR",
        "PENSTOCK_DEBOUNCE",
        "PENSTOCK_HOUSEKEEPING_EVERY",
        "PENSTOCK_HTTP_CALL_TIMEOUT",
        "PENSTOCK_HTTP_CONNECTIONS",
        "PENSTOCK_HTTP_IDLE_CONNECTIONS",
        "PENSTOCK_HTTP_IDLE_TIMEOUT",
        "PENSTOCK_HTTP_TOTAL_TIMEOUT",
        "PENSTOCK_IGNORED_AUTHORS",
        "PENSTOCK_INGEST_HOST",
        "PENSTOCK_INGEST_LARGEST_BODY",
        "PENSTOCK_INGEST_PORT",
        "PENSTOCK_INGEST_STORE_TIMEOUT",
        "PENSTOCK_INGEST_UNSIGNED",
        "PENSTOCK_INSTANCE",
        "PENSTOCK_KAFKA_BOOTSTRAP",
        "PENSTOCK_KAFKA_CONFIG",
        "PENSTOCK_KEEP_BLOBS",
        "PENSTOCK_KEEP_LETTERS",
        "PENSTOCK_KEEP_MESSAGES",
        "PENSTOCK_KEEP_STREAMS",
        "PENSTOCK_LLM_ANSWER_TTL",
        "PENSTOCK_LIMIT_ORGANISATION",
        "PENSTOCK_LIMIT_REPOSITORY",
        "PENSTOCK_LLM_CONCURRENCY",
        "PENSTOCK_LLM_DAY_COST",
        "PENSTOCK_LLM_DAY_TOKENS",
        "PENSTOCK_LLM_MAX_INPUT",
        "PENSTOCK_LLM_MAX_OUTPUT",
        "PENSTOCK_LLM_MODEL",
        "PENSTOCK_LLM_PRICE_IN",
        "PENSTOCK_LLM_PRICE_OUT",
        "PENSTOCK_LLM_PULL_REQUEST_COST",
        "PENSTOCK_LLM_PULL_REQUEST_TOKENS",
        "PENSTOCK_LLM_REVIEW_COST",
        "PENSTOCK_LLM_REVIEW_TOKENS",
        "PENSTOCK_LLM_TIMEOUT",
        "PENSTOCK_LLM_URL",
        "PENSTOCK_LOG_FORMAT",
        "PENSTOCK_LOG_LEVEL",
        "PENSTOCK_OPS_HOST",
        "PENSTOCK_OPS_PORT",
        "PENSTOCK_PART_DEADLINE",
        "PENSTOCK_POOL_SIZE",
        "PENSTOCK_PUBLIC_URL",
        "PENSTOCK_REREAD_AFTER",
        "PENSTOCK_RETRY_AST",
        "PENSTOCK_RETRY_COMMENTS",
        "PENSTOCK_RETRY_MODEL",
        "PENSTOCK_RETRY_PREPARE",
        "PENSTOCK_RUN_DEADLINE",
        "PENSTOCK_STATE_ENCODING",
        "PENSTOCK_STATUS_CONTEXT",
        "PENSTOCK_STATUS_ON_FAILURE",
        "PENSTOCK_STEPS_FILE",
        "PENSTOCK_STOP_SECONDS",
        "PENSTOCK_TOPIC_PREFIX",
        "PENSTOCK_TRACE_SAMPLING",
    }
)
"""May be shown in messages and tables."""

SECRET = frozenset(
    {
        "PENSTOCK_API_TOKEN",
        "PENSTOCK_DATABASE_DIRECT_URL",
        "PENSTOCK_DATABASE_URL",
        "PENSTOCK_LLM_KEY",
        "PENSTOCK_MARKER_SECRET",
    }
)
"""Are, or contain, a secret: shown nowhere."""


def _of(platform: str) -> str:
    return platform.upper().replace("-", "_")


def url_name(platform: str) -> str:
    return f"PENSTOCK_{_of(platform)}_URL"


def instance_name(platform: str) -> str:
    return f"PENSTOCK_{_of(platform)}_INSTANCE"


def token_name(platform: str) -> str:
    return f"PENSTOCK_{_of(platform)}_TOKEN"


def webhook_secret_name(platform: str) -> str:
    return f"PENSTOCK_WEBHOOK_SECRET_{_of(platform)}"


def open_names() -> frozenset[str]:
    return OPEN | {name(platform) for platform in PLATFORMS for name in (url_name, instance_name)}


def secret_names() -> frozenset[str]:
    return SECRET | {name(platform) for platform in PLATFORMS for name in (token_name, webhook_secret_name)}


def known_names() -> frozenset[str]:
    """All of them, without the `…_FILE` forms."""
    return open_names() | secret_names()
