"""The client's errors in our words."""

from confluent_kafka import KafkaError

from penstock_eventlog.errors import LogError, LogMisconfigured, LogUnavailable

CREDENTIALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
    }
)
RIGHTS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
NO_TOPIC = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_EXCEPTION,
    }
)
TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD})
"""Said of a batch, to each record in it."""
REFUSED = NO_TOPIC | TOO_LARGE
SETTINGS = frozenset({KafkaError._INVALID_ARG, KafkaError._CONFLICT, KafkaError.INCONSISTENT_GROUP_PROTOCOL})


def failure_of(error: KafkaError) -> LogError:
    """For what is not about one record."""
    code, text = error.code(), f"{error.name()}: {error.str()}"
    if code in CREDENTIALS:
        return LogMisconfigured(f"Kafka refuses the credentials ({text}): correct the file of PENSTOCK_KAFKA_CONFIG")
    if code in RIGHTS:
        return LogMisconfigured(
            f"Kafka denies a right ({text}): give it to the user of PENSTOCK_KAFKA_CONFIG, see docs/operations.md"
        )
    if code in NO_TOPIC:
        return LogMisconfigured(f"a topic is missing ({text}): run `penstock topics`, check PENSTOCK_TOPIC_PREFIX")
    if code in SETTINGS:
        return LogMisconfigured(f"a client property is wrong ({text}): correct the file of PENSTOCK_KAFKA_CONFIG")
    return LogUnavailable(text)


def is_fenced(error: KafkaError) -> bool:
    """The broker gave this member's name to another who asked for it."""
    return error.code() == KafkaError.FENCED_INSTANCE_ID or (_is_final(error) and "fenced" in error.str())


def _is_final(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def end_of(error: KafkaError) -> LogError:
    """For what a consumer is told; after some of it the client does nothing more, and its process has to end."""
    if is_fenced(error):
        return LogMisconfigured(
            "another process of this service has the same PENSTOCK_INSTANCE, and Kafka listens to that one only: "
            "give each process a name of its own"
        )
    if _is_final(error):
        return LogMisconfigured(f"the Kafka consumer cannot go on ({error.name()}: {error.str()})")
    return failure_of(error)


def refusal_of(error: KafkaError) -> str:
    """Why this record will never be taken; empty when that is not so."""
    return f"{error.name()}: {error.str()}" if error.code() in REFUSED else ""
