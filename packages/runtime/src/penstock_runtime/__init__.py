"""Settings, logs, tracing, metrics, clock, retry policy, operations port, signals, run_service."""
