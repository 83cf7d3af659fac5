"""GitHub's webhooks: is it GitHub, and what does it say happened to a pull request?

Header names must be lower case, as ASGI gives them.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from penstock_contracts.enums import PullRequestKind
from penstock_contracts.facts import PrReceived
from penstock_platforms import commands, fields
from penstock_platforms.detect import detect
from penstock_platforms.errors import Malformed, SignatureInvalid, SignatureMissing
from penstock_platforms.webhooks import Ignored

PLATFORM = "github"
_SIGNATURE = "x-hub-signature-256"
_DELIVERY = re.compile(r"[0-9A-Za-z_.:-]{1,100}")
_ACTIONS: Mapping[str, PullRequestKind] = {
    "opened": PullRequestKind.OPENED,
    "synchronize": PullRequestKind.UPDATED,
    "reopened": PullRequestKind.REOPENED,
    "ready_for_review": PullRequestKind.READY,
    "closed": PullRequestKind.CLOSED,
    "edited": PullRequestKind.RETARGETED,
}


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes]) -> None:
    """Raises SignatureMissing or SignatureInvalid unless one of the secrets signed the body."""
    said = headers.get(_SIGNATURE, "")
    if not said:
        legacy = "x-hub-signature" in headers
        raise SignatureMissing("only SHA-1, which is not accepted" if legacy else f"no {_SIGNATURE}")
    given = said.encode("utf-8", "surrogateescape")
    fits = False
    for secret in secrets:
        expected = b"sha256=" + hmac.digest(secret, body, "sha256").hex().encode()
        # No early end: the time taken must not tell which secret fitted.
        fits |= hmac.compare_digest(expected, given) and bool(secret)
    if not fits:
        raise SignatureInvalid("" if secrets else "no secret is configured")


def delivery_id(headers: Mapping[str, str]) -> str:
    """GitHub's id of this delivery; a redelivery keeps it."""
    said = headers.get("x-github-delivery", "")
    return said if _DELIVERY.fullmatch(said) else ""


def normalise(headers: Mapping[str, str], body: bytes, instance: str) -> PrReceived | Ignored:
    """What the webhook says, in our words. Raises Malformed, and nothing else, for anything GitHub would not send."""
    delivery = delivery_id(headers)
    event = headers.get("x-github-event", "")
    if not delivery or not event:
        raise Malformed("X-GitHub-Delivery or X-GitHub-Event is missing or not as GitHub writes it")
    sender = detect(headers)
    if sender != PLATFORM:
        return Ignored(delivery, f"sent by {sender}, whose webhooks belong to /webhooks/{sender}")
    told = fields.parse(body)
    if event == "pull_request":
        return _pull_request(told, delivery, instance)
    if event == "issue_comment":
        return _comment(told, delivery, instance)
    return Ignored(delivery, f"{fields.clean(event[: fields.NAME_LIMIT])} events ask nothing of us")


def _pull_request(told: Mapping[str, Any], delivery: str, instance: str) -> PrReceived | Ignored:
    action = fields.said(told, "action", limit=fields.NAME_LIMIT)
    kind = _ACTIONS.get(action)
    if kind is None:
        return Ignored(delivery, f"pull_request {action} changes nothing to review")
    if kind is PullRequestKind.RETARGETED and "base" not in fields.part(told, "changes"):
        return Ignored(delivery, "edited without another base")
    pull = fields.part(told, "pull_request")
    if kind is PullRequestKind.CLOSED and fields.flag(pull, "merged"):
        kind = PullRequestKind.MERGED
    repository = fields.part(told, "repository")
    return PrReceived(
        kind=kind,
        platform=PLATFORM,
        instance=instance,
        repository_id=fields.identifier(repository, "id"),
        repository=fields.repository(repository, "full_name"),
        number=fields.number(pull, "number"),
        delivery_id=delivery,
        hint_head=fields.commit(fields.part(pull, "head"), "sha"),
        hint_base_ref=fields.ref(fields.part(pull, "base"), "ref"),
        title=fields.text(pull, "title", limit=fields.TITLE_LIMIT),
        author=_login(pull),
        sender=_login(told, "sender"),
        author_association=fields.text(pull, "author_association", limit=fields.NAME_LIMIT),
        draft=fields.flag(pull, "draft"),
    )


def _comment(told: Mapping[str, Any], delivery: str, instance: str) -> PrReceived | Ignored:
    action = fields.said(told, "action", limit=fields.NAME_LIMIT)
    if action != "created":
        return Ignored(delivery, f"a comment was {action}, only new ones are read")
    issue = fields.part(told, "issue")
    if not isinstance(issue.get("pull_request"), dict):
        return Ignored(delivery, "a comment on an issue, not on a pull request")
    comment = fields.part(told, "comment")
    body = comment.get("body")
    if not isinstance(body, str):
        raise Malformed("body is no text")
    if commands.MARKER in body:
        return Ignored(delivery, "our own comment")
    if _is_bot(comment) or _is_bot(told, "sender"):
        return Ignored(delivery, "a comment of a bot")
    asked = commands.asked(body)
    if asked is None:
        return Ignored(delivery, "a comment without a command")
    repository = fields.part(told, "repository")
    return PrReceived(
        kind=PullRequestKind.COMMAND,
        platform=PLATFORM,
        instance=instance,
        repository_id=fields.identifier(repository, "id"),
        repository=fields.repository(repository, "full_name"),
        number=fields.number(issue, "number"),
        delivery_id=delivery,
        title=fields.text(issue, "title", limit=fields.TITLE_LIMIT),
        author=_login(issue),
        sender=_login(comment),
        author_association=fields.text(issue, "author_association", limit=fields.NAME_LIMIT),
        draft=fields.flag(issue, "draft"),
        command=asked.command.value,
        command_argument=fields.clean(asked.argument),
        comment_id=fields.identifier(comment, "id"),
        sender_association=fields.text(comment, "author_association", limit=fields.NAME_LIMIT),
    )


def _login(source: Mapping[str, Any], name: str = "user") -> str:
    """GitHub says null for people who deleted their account."""
    if source.get(name) is None:
        return "ghost"
    return fields.text(fields.part(source, name), "login", limit=fields.NAME_LIMIT)


def _is_bot(source: Mapping[str, Any], name: str = "user") -> bool:
    person = source.get(name)
    if not isinstance(person, dict):
        return False
    login = person.get("login")
    return person.get("type") == "Bot" or (isinstance(login, str) and login.endswith("[bot]"))
