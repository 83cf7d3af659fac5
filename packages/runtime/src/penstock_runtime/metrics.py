"""All metric names, in one place. Dashboards and alert rules use exactly these."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10)
WEBHOOK_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
STAGE_BUCKETS = (0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)
WORKITEM_BUCKETS = (30, 60, 120, 180, 300, 600, 900, 1200, 1800)
HANDLE_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)


class Metrics:
    """The metrics of one process, created on its registry. Labels never carry ids, names of people or free text."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._http(registry)
        self._flow(registry)
        self._log(registry)
        self._quality(registry)
        self._model(registry)
        self._workitems(registry)

    def _http(self, registry: CollectorRegistry) -> None:
        http = ("method", "route", "status_code")
        self.http_requests = Counter("http_requests_total", "HTTP requests answered.", http, registry=registry)
        self.http_request_duration = Histogram(
            "http_request_duration_seconds",
            "Time to answer an HTTP request.",
            http,
            buckets=HTTP_BUCKETS,
            registry=registry,
        )
        self.http_calls = Counter(
            "http_calls_total", "HTTP requests made, by host and answer.", ("host", "status_code"), registry=registry
        )
        self.webhooks_received = Counter(
            "webhooks_received_total", "Webhooks that arrived, by kind of event.", ("event_type",), registry=registry
        )
        self.webhook_processing_duration = Histogram(
            "webhook_processing_duration_seconds",
            "From the arrival of a webhook to its answer, stored.",
            ("event_type",),
            buckets=WEBHOOK_BUCKETS,
            registry=registry,
        )

    def _flow(self, registry: CollectorRegistry) -> None:
        self.stage_duration = Histogram(
            "pipeline_stage_duration_seconds",
            "Time a stage worked, by stage and outcome.",
            ("stage", "outcome"),
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.run_duration = Histogram(
            "workflow_run_duration_seconds",
            "From the start of a run to its end, by outcome.",
            ("outcome",),
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.events_folded = Counter(
            "workflow_events_folded_total",
            "Facts folded into streams, by what became of them.",
            ("event_type", "verdict"),
            registry=registry,
        )
        self.jobs = Gauge(
            "workflow_jobs", "Jobs that are not over, by type and status.", ("type", "status"), registry=registry
        )
        self.oldest_waiting = Gauge(
            "workflow_oldest_waiting_seconds", "Age of the oldest open job, by status.", ("status",), registry=registry
        )
        self.stuck = Counter(
            "workflow_runs_stuck_total",
            "Open runs that were found past their deadline, or without a timer that would wake them.",
            registry=registry,
        )
        self.stalled = Counter(
            "workflow_stalled_total",
            "Events that could not be applied, by kind of event.",
            ("event_type",),
            registry=registry,
        )
        self.outbox_age = Gauge("outbox_oldest_age_seconds", "Age of the oldest unsent outbox row.", registry=registry)
        self.outbox_depth = Gauge("outbox_unsent_rows", "Outbox rows that wait to be sent.", registry=registry)
        self.outbox_sent = Counter("outbox_sent_total", "Outbox rows sent.", ("topic",), registry=registry)
        self.housekept = Counter(
            "housekeeping_rows_total",
            "Rows that housekeeping took away or mended, by chore.",
            ("chore",),
            registry=registry,
        )
        self.timers_due = Gauge("timers_due", "Timers that are due and have not fired.", registry=registry)

    def _log(self, registry: CollectorRegistry) -> None:
        self.consumer_lag = Gauge(
            "consumer_lag_records", "Records not yet finished.", ("group", "topic", "partition"), registry=registry
        )
        self.records = Counter(
            "consumer_records_total", "Records finished, by outcome.", ("group", "topic", "outcome"), registry=registry
        )
        self.handle_duration = Histogram(
            "consumer_handle_duration_seconds",
            "Time a handler took for a record or batch.",
            ("group", "topic"),
            buckets=HANDLE_BUCKETS,
            registry=registry,
        )
        self.dead_letters = Counter(
            "dead_letters_total", "Records given up, by reason.", ("topic", "reason"), registry=registry
        )

    def _quality(self, registry: CollectorRegistry) -> None:
        self.retries = Counter("retries_total", "Attempts that follow a failure.", ("what",), registry=registry)
        self.retries_exhausted = Counter(
            "retries_exhausted_total", "Work given up after its last attempt.", ("what",), registry=registry
        )
        self.cache = Counter(
            "cache_operations_total", "Hits, misses, loads and invalidations.", ("cache", "result"), registry=registry
        )
        self.effects = Counter(
            "effects_total", "What was done on a platform, by kind and outcome.", ("kind", "outcome"), registry=registry
        )
        self.findings = Counter(
            "findings_total",
            "Findings, by category and what became of them.",
            ("category", "outcome"),
            registry=registry,
        )

    def _model(self, registry: CollectorRegistry) -> None:
        self.model_calls = Counter("model_calls_total", "Model calls.", ("model", "status"), registry=registry)
        self.model_tokens = Counter(
            "model_tokens_total", "Tokens, in and out.", ("model", "direction"), registry=registry
        )
        self.model_cost = Counter("model_cost_dollars_total", "What model calls cost.", ("model",), registry=registry)
        self.model_duration = Histogram(
            "model_call_duration_seconds", "Time of a model call.", ("model",), buckets=STAGE_BUCKETS, registry=registry
        )
        self.model_quota_exceeded = Counter(
            "model_quota_exceeded_total", "Model calls refused for quota or rate.", ("model",), registry=registry
        )

    def _workitems(self, registry: CollectorRegistry) -> None:
        self.workitem_processing_duration = Histogram(
            "workitem_processing_duration_seconds",
            "From a work item's arrival to its end.",
            ("work_item_type", "status"),
            buckets=WORKITEM_BUCKETS,
            registry=registry,
        )
        self.workitems_processed = Counter(
            "workitems_processed_total", "Work items that ended, by status.", ("status",), registry=registry
        )
        self.workitems_waiting = Gauge("workitems_waiting", "Work items that wait or are in work.", registry=registry)
