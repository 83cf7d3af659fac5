"""Answers in the memory of this process: enough for one process, forgotten with it."""

from collections import OrderedDict

from penstock_llm_review.ports import ModelAnswer


class MemoryAnswers:
    """The last `size` answers, those asked for longest ago forgotten first."""

    def __init__(self, size: int = 500) -> None:
        self._size = size
        self._answers: OrderedDict[str, ModelAnswer] = OrderedDict()

    async def get(self, key: str) -> ModelAnswer | None:
        if key not in self._answers:
            return None
        self._answers.move_to_end(key)
        return self._answers[key]

    async def put(self, key: str, answer: ModelAnswer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
