"""Puts the review by a model together: the only place that knows which adapters stand behind its ports."""

from collections.abc import Mapping
from dataclasses import replace

from penstock_eventlog.handles import bound
from penstock_eventlog.loop import Loop
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_llm_review.asking import answers_in
from penstock_llm_review.budget import Budget
from penstock_llm_review.handler import HANDLES, ReviewHandler
from penstock_llm_review.ports import Model
from penstock_llm_review.settings import ModelSettings
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_runtime.process import Context, Service
from penstock_runtime.settings import load

SERVICE = "llm-review"


async def assemble(context: Context, bench: Workbench) -> Service:
    """Raises SettingsError."""
    settings = context.load(ModelSettings)
    model = model_of(settings, context.environ, context.metrics, context.clock)
    return Service(machines=loops(bench, settings, model), close=() if model is None else (model.close,))


def loops(bench: Workbench, settings: ModelSettings, model: Model | None) -> tuple[Loop, ...]:
    """With whatever model is given."""
    store, tools = bench.store, bench.tools
    handler = ReviewHandler(
        blobs=store.blobs,
        model=model,
        provider=settings.url,
        answers=answers_in(store.cache, tools.metrics, settings.answer_ttl, settings.seconds),
        budget=Budget(store.spending, settings.caps, settings.prices),
        wanted=Wanted(store.executions),
        limits=settings.limits,
    )
    return worker_loops(SERVICE, OneByOne(bound(HANDLES, handler), concurrency=settings.concurrency), tools)


def model_of(settings: ModelSettings, environ: Mapping[str, str], metrics: Metrics, clock: Clock) -> Model | None:
    """None where there is no model to ask, and then nothing that would ask one is loaded. Raises SettingsError."""
    name = settings.chosen()
    if name is None:
        return None
    from penstock_llm_review.adapters.chat import ChatModel
    from penstock_llm_review.adapters.measured import MeasuredModel
    from penstock_runtime.calls import OutgoingSettings
    from penstock_runtime.outgoing import OutgoingClient

    headers = {} if settings.key is None else {"authorization": f"Bearer {settings.key.reveal()}"}
    # A model thinks longer than others may be silent.
    outgoing = load(OutgoingSettings, environ)
    patient = replace(outgoing, call_seconds=settings.seconds, total_seconds=settings.seconds)
    client = OutgoingClient(patient, metrics, headers=headers)
    return MeasuredModel(ChatModel(client, settings.url, name, settings.seconds), metrics, clock, settings.prices)


build = standing_apart(assemble)
