"""The Log port on memory, Postgres and Kafka; the relay, the consumer loop and its outcomes."""
