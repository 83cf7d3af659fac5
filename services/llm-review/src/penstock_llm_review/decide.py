"""PURE: which of a change's files are shown to a model, and what its reading amounts to."""

from collections.abc import Iterable, Sequence

from penstock_changes.documents import ManifestDocument, NotReviewed
from penstock_changes.model import ContentKind, FileChange
from penstock_contracts.enums import AnswerOutcome
from penstock_contracts.facts import Usage


def reviewable(changes: Iterable[FileChange], manifest: ManifestDocument) -> tuple[FileChange, ...]:
    """The text files that are in a batch: what is left out there is shown to nobody."""
    chosen = {path for batch in manifest.batches for path in batch}
    return tuple(change for change in changes if change.path in chosen and change.content is ContentKind.TEXT)


def outcome(shown: int, left_out: Sequence[NotReviewed], cut_off: bool) -> tuple[AnswerOutcome, str]:
    """What the answer says of the work, and why it is not all of it."""
    if not shown and not left_out:
        return AnswerOutcome.SKIPPED, "no text to review"
    reasons = []
    if left_out:
        reasons.append(f"{len(left_out)} of {shown + len(left_out)} files are beyond the input budget")
    if cut_off:
        reasons.append("the model's answer was cut off")
    return (AnswerOutcome.PARTIAL if reasons else AnswerOutcome.OK), "; ".join(reasons)


def usage(model: str, tokens: tuple[int, int], calls: int, cost: float) -> Usage:
    """What this handling cost: an answer that was kept from an earlier call costs nothing again."""
    if not calls:
        return Usage(model=model)
    return Usage(model=model, calls=calls, input_tokens=tokens[0], output_tokens=tokens[1], cost=cost)
