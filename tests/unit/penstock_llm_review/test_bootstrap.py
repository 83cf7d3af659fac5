"""The review by a model as a process."""

from penstock_llm_review.bootstrap import assemble
from tests.support.assembling import assembled


async def test_the_whole_and_the_files_do_not_wait_for_each_other() -> None:
    async with assembled(assemble, {}) as service:
        assert [machine.name for machine in service.machines] == [
            "loop.penstock-llm-review-pr.review.requested",
            "loop.penstock-llm-review-files.review.requested",
        ]


async def test_a_model_s_connections_are_closed_with_the_process() -> None:
    named = {"PENSTOCK_LLM_KEY": "k", "PENSTOCK_LLM_MODEL": "small"}
    async with assembled(assemble, {}) as plain, assembled(assemble, named) as service:
        assert len(service.close) == len(plain.close) + 1
