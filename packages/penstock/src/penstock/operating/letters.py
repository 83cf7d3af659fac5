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
    """Where the commands on letters are given. Each answers the exit code. Raises what the console's client raises."""

    console: Console
    out: TextIO

    async def listed(self, filters: Mapping[str, str], now: datetime, *, as_json: bool) -> int:
        page = await self.console.dead_letters(filters)
        blocked = await self.console.blocked_streams()
        if as_json:
            told = {**page.model_dump(mode="json"), **blocked.model_dump(mode="json")}
            self.out.write(letters_text.as_json(told))
        else:
            self.out.write(letters_text.page(page, blocked, now))
        return DONE

    async def shown(self, letter_id: str, *, as_json: bool) -> int:
        letter = await self.console.dead_letter(letter_id)
        told = letter.model_dump(mode="json")
        self.out.write(letters_text.as_json(told) if as_json else letters_text.letter(letter))
        return DONE

    async def redriven(self, ids: Sequence[str], given: Mapping[str, str], wait: float) -> int:
        """Each on its own: one that fails again, or is refused, does not stop the others."""
        done = [await self._redriven(letter_id, given, wait) for letter_id in ids]
        return DONE if all(done) else REFUSED

    async def redriven_all(self, filters: Mapping[str, str], given: Mapping[str, str], wait: float) -> int:
        """All that a redrive is the remedy of and that ended no process; the others are told and left."""
        ids: list[str] = []
        async for letter in self._open(filters):
            why = letters_text.why_left(letter)
            if why:
                self._say(letter.id, why)
            else:
                ids.append(letter.id)
        if not ids:
            self.out.write("nothing to redrive\n")
        return await self.redriven(ids, given, wait)

    async def discarded(self, ids: Sequence[str], given: Mapping[str, str]) -> int:
        done = [await self._asked(letter_id, "discard", given) for letter_id in ids]
        for repaired in filter(None, done):
            self._say(repaired.letter_id, f"discarded as {repaired.actor}{_way_on(repaired)}")
        return DONE if all(done) else REFUSED

    async def unblocked(self, streams: Sequence[str], given: Mapping[str, str]) -> int:
        """Each on its own, as everything here."""
        done = [await self._unblocked(stream, given) for stream in streams]
        return DONE if all(done) else REFUSED

    async def _unblocked(self, stream: str, given: Mapping[str, str]) -> bool:
        try:
            repaired = await self.console.unblock(stream, given)
        except ConsoleRefused as error:
            self._say(stream, str(error))
            return False
        self._say(stream, f"unblocked as {repaired.actor}; what Kafka refuses again stands in `penstock dlq ls`")
        return True

    async def _redriven(self, letter_id: str, given: Mapping[str, str], wait: float) -> bool:
        repaired = await self._asked(letter_id, "redrive", given)
        if repaired is None:
            return False
        if repaired.outcome:
            self._say(letter_id, f"{repaired.outcome}{_way_on(repaired)}")
            return True
        if not wait:
            self._say(letter_id, f"asked for as {repaired.actor}; what became of it: `penstock dlq show {letter_id}`")
            return True
        return await self._outcome(repaired, wait)

    async def _outcome(self, repaired: Repaired, wait: float) -> bool:
        letter_id, until = repaired.letter_id, time.monotonic() + wait
        letter = await self.console.dead_letter(letter_id)
        while not _is_known(letter, repaired) and time.monotonic() < until:
            await asyncio.sleep(_LOOK_EVERY)
            letter = await self.console.dead_letter(letter_id)
        if letter.resolved_at is not None:
            self._say(letter_id, f"applied to {letter.stream}{_way_on(repaired)}")
            return True
        if _is_known(letter, repaired):
            self._say(letter_id, f"it cannot be applied yet: {letter.error}")
            return False
        self._say(
            letter_id,
            f"not carried out within {wait:g} s: is an orchestrator running, and is its stream not blocked? It stays "
            f"asked for; what becomes of it: `penstock dlq show {letter_id}`",
        )
        return False

    async def _asked(self, letter_id: str, action: str, given: Mapping[str, str]) -> Repaired | None:
        """None where the console knows better, which is told."""
        try:
            return await self.console.repair(letter_id, action, given)
        except ConsoleRefused as error:
            self._say(letter_id, str(error))
            return None

    async def _open(self, filters: Mapping[str, str]) -> AsyncIterator[DeadLetter]:
        after: str | None = ""
        while after is not None:
            page = await self.console.dead_letters({**filters, "limit": _PAGE, "after": after})
            for letter in page.dead_letters:
                yield letter
            after = page.next

    def _say(self, about: str, text: str) -> None:
        self.out.write(letters_text.line(about, text))


def _is_known(letter: ShownLetter, repaired: Repaired) -> bool:
    tried: Sequence[Redrive] = letter.redrives
    return letter.resolved_at is not None or any(redrive.event_id == repaired.event_id for redrive in tried)


def _way_on(repaired: Repaired) -> str:
    """Where to see what the run does now."""
    return f"; its run: `penstock jobs {repaired.run_id}`" if repaired.run_id else ""
