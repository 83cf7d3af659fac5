"""GitHub's webhooks: the signature, what each event means, and what rubbish does."""

from __future__ import annotations

import contextlib
import hmac
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_contracts.enums import Command, PullRequestKind
from penstock_contracts.facts import PrReceived
from penstock_platforms import registry, webhooks
from penstock_platforms.errors import Malformed, SignatureInvalid, SignatureMissing
from penstock_platforms.github import webhook
from penstock_platforms.webhooks import Ignored
from tests.unit.penstock_platforms.github_payloads import (
    DELIVERY,
    HEAD,
    SECRET,
    comment,
    encoded,
    headers,
    person,
    pull_request,
)


def said(event: str, payload: Any, **more: str) -> PrReceived | Ignored:
    return webhook.normalise(headers(event, more=more), encoded(payload), "github.com")


def accepted(event: str, payload: Any) -> PrReceived:
    result = said(event, payload)
    assert isinstance(result, PrReceived)
    return result


def ignored(event: str, payload: Any, **more: str) -> str:
    result = said(event, payload, **more)
    assert isinstance(result, Ignored)
    assert (result.delivery_id, webhooks.answer_kind(result)) == (DELIVERY, "other")
    return result.reason


# --- the signature ---


def test_a_body_signed_with_any_valid_secret_is_accepted() -> None:
    body = encoded(pull_request("opened"))
    webhook.verify(headers("pull_request", body), body, [SECRET])
    webhook.verify(headers("pull_request", body), body, [b"the next one", SECRET])


def test_the_example_of_githubs_documentation_verifies() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    webhook.verify({"x-hub-signature-256": signature}, b"Hello, World!", [b"It's a Secret to Everybody"])


@pytest.mark.parametrize("secrets", [[b"another"], [], [b""]])
def test_a_body_signed_with_another_secret_is_refused(secrets: list[bytes]) -> None:
    body = encoded(pull_request("opened"))
    with pytest.raises(SignatureInvalid):
        webhook.verify(headers("pull_request", body), body, secrets)


def test_an_empty_secret_verifies_nothing() -> None:
    signature = "sha256=" + hmac.digest(b"", b"{}", "sha256").hex()
    with pytest.raises(SignatureInvalid):
        webhook.verify({"x-hub-signature-256": signature}, b"{}", [b""])


def test_a_changed_body_is_refused() -> None:
    body = encoded(pull_request("opened"))
    with pytest.raises(SignatureInvalid):
        webhook.verify(headers("pull_request", body), body + b" ", [SECRET])


@pytest.mark.parametrize("signature", ["sha256=", "sha256=ümläut", "sha1=00", "0" * 64, "\udc80"])
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        webhook.verify({"x-hub-signature-256": signature}, b"{}", [SECRET])


@pytest.mark.parametrize("given", [{}, {"x-hub-signature": "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"}])
def test_no_signature_or_only_sha1_counts_as_missing(given: dict[str, str]) -> None:
    with pytest.raises(SignatureMissing):
        webhook.verify(given, b"{}", [SECRET])


# --- pull requests ---


@pytest.mark.parametrize(
    ("action", "pull", "kind"),
    [
        ("opened", {}, PullRequestKind.OPENED),
        ("synchronize", {}, PullRequestKind.UPDATED),
        ("reopened", {}, PullRequestKind.REOPENED),
        ("ready_for_review", {}, PullRequestKind.READY),
        ("closed", {}, PullRequestKind.CLOSED),
        ("closed", {"merged": True}, PullRequestKind.MERGED),
    ],
)
def test_each_action_has_its_kind(action: str, pull: dict[str, Any], kind: PullRequestKind) -> None:
    fact = accepted("pull_request", pull_request(action, pull=pull))
    assert fact.kind is kind
    assert webhooks.answer_kind(fact) == f"pr_{kind.value}"


def test_everything_a_pull_request_tells_is_in_the_fact() -> None:
    assert accepted("pull_request", pull_request("opened", pull={"draft": True})) == PrReceived(
        kind=PullRequestKind.OPENED,
        platform="github",
        instance="github.com",
        repository_id="4012345678",
        repository="acme/shop",
        number=7,
        delivery_id=DELIVERY,
        hint_head=HEAD,
        hint_base_ref="main",
        title="Count to thirty",
        author="alice",
        sender="bob",
        author_association="CONTRIBUTOR",
        draft=True,
    )


def test_an_edit_counts_only_when_the_base_changed() -> None:
    retitled = pull_request("edited", changes={"title": {"from": "Count"}})
    retargeted = pull_request("edited", changes={"base": {"ref": {"from": "next"}}})
    assert "without another base" in ignored("pull_request", retitled)
    assert accepted("pull_request", retargeted).kind is PullRequestKind.RETARGETED


@pytest.mark.parametrize("action", ["labeled", "assigned", "converted_to_draft", "auto_merge_enabled"])
def test_other_actions_are_ignored_with_a_reason(action: str) -> None:
    assert "changes nothing" in ignored("pull_request", pull_request(action))


@pytest.mark.parametrize("event", ["ping", "push", "check_run", "installation", "pull_request_review", "star"])
def test_other_events_are_ignored_with_a_reason(event: str) -> None:
    assert event in ignored(event, {"zen": "Keep it logically awesome."})


@pytest.mark.parametrize("imitator", ["gitea", "forgejo"])
def test_who_imitates_githubs_headers_is_told_where_to_go(imitator: str) -> None:
    reason = ignored("pull_request", pull_request("opened"), **{f"x-{imitator}-event": "pull_request"})
    assert f"/webhooks/{imitator}" in reason


def test_a_person_who_is_gone_is_a_ghost() -> None:
    assert accepted("pull_request", pull_request("opened", pull={"user": None})).author == "ghost"


# --- commands ---


@pytest.mark.parametrize(
    ("body", "command", "argument"),
    [
        ("/penstock review", Command.REVIEW, ""),
        ("@penstock review", Command.REVIEW, ""),
        ("  \r\n/Penstock   FULL   Review\r\nthanks!", Command.FULL_REVIEW, ""),
        ("/penstock pause", Command.PAUSE, ""),
        ("/penstock resume", Command.RESUME, ""),
        ("/penstock cancel", Command.CANCEL, ""),
        ("/penstock ignore src/**.py generated", Command.IGNORE, "src/**.py generated"),
        ("/penstock explain why line 5?", Command.EXPLAIN, "why line 5?"),
        ("/penstock config check", Command.CONFIG_CHECK, ""),
        ("/penstock help", Command.HELP, ""),
        ("/penstock", Command.HELP, ""),
        ("@penstock", Command.HELP, ""),
        ("/penstock reviews", Command.HELP, "reviews"),
    ],
)
def test_a_comment_that_begins_with_a_command_is_one(body: str, command: Command, argument: str) -> None:
    fact = accepted("issue_comment", comment(body))
    assert (fact.kind, fact.command, fact.command_argument) == (PullRequestKind.COMMAND, command.value, argument)
    assert (fact.sender, fact.author, fact.comment_id, fact.number) == ("carol", "alice", "99000000001", 7)
    assert webhooks.answer_kind(fact) == "command"


@pytest.mark.parametrize(
    "body",
    [
        "looks good",
        "try `/penstock review`",
        "> /penstock review",
        "/penstocks review",
        "@penstock-bot review",
        "@penstock is quite useful",
        "",
    ],
)
def test_a_comment_that_does_not_is_ignored(body: str) -> None:
    assert "without a command" in ignored("issue_comment", comment(body))


def test_comments_of_ours_and_of_bots_are_ignored() -> None:
    assert ignored("issue_comment", comment("/penstock review <!-- penstock:abc -->")) == "our own comment"
    for bot in (person("penstock-bot", "Bot"), person("dependabot[bot]")):
        assert "bot" in ignored("issue_comment", comment("/penstock review", by=bot))


def test_comments_elsewhere_and_edited_ones_are_ignored() -> None:
    assert "on an issue" in ignored("issue_comment", comment("/penstock review", issue={"pull_request": None}))
    assert "edited" in ignored("issue_comment", {**comment("/penstock review"), "action": "edited"})


# --- rubbish ---


def test_a_title_loses_what_controls_and_what_turns_text_around() -> None:
    title = "a\u0000b\u001b[31mc\u202ed\ud800e\u2028f\n g" + "x" * 5000
    fact = accepted("pull_request", pull_request("opened", pull={"title": title}))
    assert fact.title.startswith("a b [31mc d e f g")
    assert len(fact.title) == 300
    fact.title.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"action": ',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"number": ' + b"9" * 10_000 + b"}",
        b"payload=%7B%7D",
    ],
    ids=lambda body: str(body[:12]),
)
@pytest.mark.parametrize("event", ["pull_request", "issue_comment", "ping"])
def test_what_is_no_json_object_is_malformed(event: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        webhook.normalise(headers(event), body, "github.com")


@pytest.mark.parametrize("event", ["pull_request", "issue_comment"])
@pytest.mark.parametrize("payload", [{}, {"action": ""}, {"action": None}, {"action": "\u202e "}], ids=str)
def test_an_event_that_does_not_say_what_was_done_is_malformed(event: str, payload: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="action is missing"):
        said(event, payload)


@pytest.mark.parametrize(
    "pull",
    [
        {"number": 0},
        {"number": -1},
        {"number": True},
        {"number": 2**31},
        {"number": 7.0},
        {"number": "7"},
        {"number": None},
        {"head": {"sha": "HEAD"}},
        {"head": {"sha": HEAD + "\n"}},
        {"head": []},
        {"head": None},
        {"base": {"ref": ""}},
        {"base": {"ref": 5}},
        {"title": 5},
        {"user": "alice"},
        {"draft": "no"},
        {"merged": {}},
    ],
    ids=str,
)
def test_a_field_of_the_wrong_form_is_malformed(pull: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        said("pull_request", pull_request("closed", pull=pull))


@pytest.mark.parametrize("name", ["release\u00a0x", "feat/\U0001f468\u200d\U0001f4bb", "a/" * 150 + "b"], ids=ascii)
def test_a_base_branch_has_every_name_that_git_takes(name: str) -> None:
    assert accepted("pull_request", pull_request("opened", pull={"base": {"ref": name}})).hint_base_ref == name


@pytest.mark.parametrize("name", ["a" * 1_001, "a\u0000b", "a\ud800"], ids=ascii)
def test_a_base_branch_that_could_not_be_stored_is_not_known_from_the_webhook(name: str) -> None:
    assert accepted("pull_request", pull_request("opened", pull={"base": {"ref": name}})).hint_base_ref == ""


@pytest.mark.parametrize(
    "name", ["shop", "../shop", "acme/..", "acme/.", "a/b/c", "acme/sh op", "acme/shop\n", "é/x", 5]
)
def test_a_repository_with_a_strange_name_is_malformed(name: object) -> None:
    with pytest.raises(Malformed):
        said("pull_request", pull_request("opened", repository={"id": 1, "full_name": name}))


@pytest.mark.parametrize("missing", ["x-github-delivery", "x-github-event"])
def test_a_webhook_without_its_headers_is_malformed(missing: str) -> None:
    given = headers("pull_request")
    del given[missing]
    with pytest.raises(Malformed):
        webhook.normalise(given, encoded(pull_request("opened")), "github.com")


@pytest.mark.parametrize("delivery", ["x" * 101, "a b", "a\nb", ""])
def test_a_strange_delivery_id_is_malformed(delivery: str) -> None:
    with pytest.raises(Malformed):
        said("pull_request", pull_request("opened"), **{"x-github-delivery": delivery})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict):
        return [so_far]
    return [so_far, *(place for key in value for place in places(value[key], (*so_far, key)))]


@settings(max_examples=300, deadline=None)
@given(data=st.data(), junk=JUNK)
def test_junk_in_any_place_is_malformed_ignored_or_harmless(data: st.DataObject, junk: Any) -> None:
    event, payload = data.draw(
        st.sampled_from([("pull_request", pull_request("opened")), ("issue_comment", comment("/penstock review"))])
    )
    place = data.draw(st.sampled_from(places(payload)))
    body = encoded(replaced(payload, place, junk))
    try:
        result = webhook.normalise(headers(event), body, "github.com")
    except Malformed:
        return
    if isinstance(result, PrReceived):
        json.dumps([result.title, result.author, result.sender], ensure_ascii=False).encode()


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_malformed_or_ignored(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(webhook.normalise(headers("pull_request"), body, "github.com"), Ignored)


def replaced(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    if not place:
        return junk
    return {**value, place[0]: replaced(value[place[0]], place[1:], junk)}


# --- how it is loaded ---


def test_every_registered_platform_has_a_webhook_and_a_client() -> None:
    for name in registry.names():
        assert registry.webhook(name) is not None
        assert registry.connector(name) is not None
    assert registry.webhook("sourceforge") is None


def test_ingest_gets_webhooks_without_any_http_client() -> None:
    program = (
        "import sys; from penstock_platforms import registry; registry.webhook('github');"
        "print([name for name in ('httpx', 'h11', 'starlette', 'uvicorn', 'pydantic') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
