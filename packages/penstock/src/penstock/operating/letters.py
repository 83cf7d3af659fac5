"""What `penstock dlq` does with its words: lists what is stuck, shows a letter, and asks the console to repair it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from penstock.operating import letters_text
from penstock.operating.console import Console
from penstock.operating.ending import DONE, REFUSED
from penstock.operating.errors import ConsoleRefused
from penstock_console.views import DeadLetter, Redrive, Repaired, ShownLetter

_LOOK_EVERY = 0.25
_PAGE = "500"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the commands on letters are carried out."""

    store: Store
    codec: Codec
    out: TextIO

    async def listed(self, limit: int, *, as_json: bool) -> int:
        letters = await self.store.dead_letters.open_letters(limit)
        if as_json:
            self._say(_json([_told(letter) for letter in letters]))
        elif not letters:
            self._say("no dead letters\n")
        else:
            now = await self.store.now()
            self._say(aligned((_HEADER, *(_row(letter, now) for letter in letters))))
        return DONE

    async def shown(self, letter_id: str, *, as_json: bool) -> int:
        """Raises LetterUnknown."""
        letter = await self._letter(letter_id)
        event = await self._decoded(letter)
        told = {**_told(letter), "headers": _headers(letter), "event": event}
        self._say(_json(told) if as_json else _page(told))
        return DONE

    async def redriven(self, ids: Sequence[str], fold: OrchestratorFold) -> int:
        """Each on its own: one that fails again does not stop the others. Raises LetterUnknown."""
        outcomes = [await self._redriven(await self._letter(letter_id), fold) for letter_id in ids]
        return DONE if all(outcomes) else REFUSED

    async def open_ids(self, limit: int) -> Sequence[str]:
        return [letter.id for letter in await self.store.dead_letters.open_letters(limit)]

    async def discarded(self, ids: Sequence[str], reason: str) -> int:
        """Raises LetterUnknown."""
        for letter_id in ids:
            letter = await self._letter(letter_id)
            if letter.resolved_at is not None:
                self._say(f"{letter.id}  was {letter.resolution} before\n")
                continue
            await self.store.dead_letters.resolve(letter.id, f"discarded: {reason}")
            self._say(f"{letter.id}  discarded{_way_on(letter)}\n")
        return DONE

    async def _redriven(self, letter: DeadLetterRow, fold: OrchestratorFold) -> bool:
        try:
            if letter.resolved_at is not None:
                raise NotRedrivable(letter.id, f"it is {letter.resolution}")
            if letter.reason != STALLED:
                await self._sent_back(letter)
                self._say(f"{letter.id}  {SENT_BACK} {letter.record.topic}{_way_on(letter)}\n")
                return True
            verdict = await self.store.streams.redrive(letter.id, fold)
        except NotRedrivable as error:
            self._say(f"{letter.id}  {error.why}\n")
            return False
        if verdict is Verdict.STALLED:
            self._say(f"{letter.id}  it cannot be applied yet: {plain(letter.error)}\n")
            return False
        self._say(f"{letter.id}  applied to {letter.stream}\n")
        return True

    async def _sent_back(self, letter: DeadLetterRow) -> None:
        """Its bytes as they were, at a new place: what was handled before is known by its id and not done again."""
        record = letter.record
        if record.value is None:
            raise NotRedrivable(letter.id, "it has no value that could be sent again")
        row = NewOutboxRow(
            stream=letter.stream or letter.id,
            topic=record.topic,
            key=record.key.decode(errors="replace") if record.key else letter.stream or letter.id,
            spread=None,
            headers=record.headers,
            value=record.value,
        )
        await self.store.outbox.put([row])
        await self.store.dead_letters.resolve(letter.id, SENT_BACK)

    async def _letter(self, letter_id: str) -> DeadLetterRow:
        letter = await self.store.dead_letters.get(letter_id)
        if letter is None:
            raise LetterUnknown(letter_id)
        return letter

    async def _decoded(self, letter: DeadLetterRow) -> object:
        value = letter.record.value
        if value is None:
            return "no value"
        try:
            event: Event[Fact] = self.codec.decode(letter.record.headers, value)
        except ContractError as error:
            return f"{len(value)} bytes that cannot be decoded: {error}"
        return msgspec.to_builtins(event.fact)

    def _say(self, text: str) -> None:
        self.out.write(text)


def _row(letter: DeadLetterRow, now: datetime) -> tuple[str, ...]:
    age = span(now - letter.created_at) if letter.created_at else ""
    error = letter.error if len(letter.error) <= _LONGEST else f"{letter.error[:_LONGEST]}…"
    return (letter.id, letter.reason, letter.event_type, letter.consumer, letter.run_id, age, error)


def _told(letter: DeadLetterRow) -> Mapping[str, Any]:
    record = letter.record
    told = {name: value for name, value in asdict(letter).items() if name != "record"}
    return {**told, "topic": record.topic, "partition": record.partition, "position": record.position}


def _headers(letter: DeadLetterRow) -> Mapping[str, str]:
    return {name: value.decode(errors="backslashreplace") for name, value in letter.record.headers}


def _page(told: Mapping[str, Any]) -> str:
    plain_facts = {name: value for name, value in told.items() if name not in ("headers", "event")}
    facts = [(name, str(value)) for name, value in plain_facts.items() if value not in ("", None)]
    headers = [(name, value) for name, value in told["headers"].items()]
    parts = [aligned(facts)]
    if headers:
        parts += ["\nheaders\n", aligned(headers, indent="  ")]
    return "".join([*parts, "\nevent\n", _json(told["event"])])


def _json(told: object) -> str:
    return json.dumps(told, indent=2, default=str) + "\n"


def _way_on(letter: DeadLetterRow) -> str:
    """Neither a discarded letter nor one whose request was answered as failed moves its run."""
    return f"; its run: penstock jobs {letter.run_id}" if letter.run_id else ""
