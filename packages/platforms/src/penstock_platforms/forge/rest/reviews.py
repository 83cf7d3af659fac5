"""Reviews and their comments: submitted as one, refused as one, never taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from penstock_platforms.forge.diffs import Change
from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.model import Pull, Repository, Review, ReviewComment
from penstock_platforms.forge.rest.call import Api, Call, text
from penstock_platforms.forge.world import Draft, World

_STATES = {"COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}


def routes(api: Api) -> list[Route]:
    return [
        *api.routes("GET", "/pulls/{number:int}/reviews", list_reviews),
        *api.routes("POST", "/pulls/{number:int}/reviews", submit),
        *api.routes("DELETE", "/pulls/{number:int}/reviews/{review:int}", delete_review),
        *api.routes("GET", "/pulls/{number:int}/comments", list_comments),
        *api.routes("DELETE", "/pulls/comments/{comment:int}", delete_comment),
    ]


async def list_reviews(call: Call) -> Response:
    reviews = call.world.state.owned(Review, (call.repository.id, call.pull().number))
    return call.page([call.world.render.review(review) for review in reviews])


async def submit(call: Call) -> Response:
    body, pull = await call.body(), call.pull()
    event = text(body, "event", "PENDING")
    if event not in _STATES:
        raise Refused(422, "Unprocessable Entity", ["This forge knows no pending reviews"])
    if pull.author == call.account and event != "COMMENT":
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise Refused(422, "Unprocessable Entity", [f"Review Can not {verb} your own pull request"])
    told = text(body, "body", "")
    if event == "REQUEST_CHANGES" and not told:
        raise Refused(422, "Unprocessable Entity", ["Body can't be blank"])
    commit = await call.git.resolve(text(body, "commit_id", pull.head))
    if commit is None:
        raise Refused(422, "Unprocessable Entity", ["commit_id is not part of the pull request"])
    changes = await call.world.diffs.changes(call.git, pull.base, commit)
    drafts = [_draft(comment) for comment in _list(body, "comments")]
    reasons = list(dict.fromkeys(reason for draft in drafts for reason in _refusals(draft, changes)))
    if reasons:
        raise Refused(422, "Unprocessable Entity", reasons)
    if event == "COMMENT" and not told and not drafts:
        raise Refused(422, "Unprocessable Entity", ["Body can't be blank"])
    state = _STATES[event]
    review = call.world.review(
        call.repository, pull, author=call.account, body=told, commit=commit, state=state, drafts=drafts
    )
    return JSONResponse(call.world.render.review(review))


async def delete_review(call: Call) -> Response:
    if call.world.state.get(Review, call.number("review")) is None:
        raise Missing
    raise Refused(422, "Can not delete a non-pending pull request review")


async def list_comments(call: Call) -> Response:
    pull = call.pull()
    return call.page(
        [
            call.world.render.review_comment(comment, pull, current=current)
            for comment, current in await inline_comments(call.world, call.repository, pull)
        ]
    )


async def delete_comment(call: Call) -> Response:
    comment = call.world.state.get(ReviewComment, call.number("comment"))
    if comment is None or comment.repository_id != call.repository.id:
        raise Missing
    if comment.author != call.account:
        call.needs("write")
    call.world.state.drop(comment)
    return Response(status_code=204)


async def inline_comments(world: World, repository: Repository, pull: Pull) -> list[tuple[ReviewComment, bool]]:
    """Each with whether its line is still part of the diff."""
    changes = {change.path: change for change in await world.changes(repository, pull)}
    found = []
    for comment in world.state.owned(ReviewComment, (repository.id, pull.number)):
        change = changes.get(comment.path)
        found.append((comment, change is not None and (comment.side, comment.line) in change.anchors))
    return found


def resolve(world: World, comment: ReviewComment) -> None:
    world.state.put(replace(comment, resolved=True))


def _list(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = body.get(name) or []
    if not isinstance(value, list):
        raise Refused(422, "Invalid request.", [f"{name} is no array"])
    return value


def _draft(comment: Any) -> Draft:
    if not isinstance(comment, dict):
        raise Refused(422, "Invalid request.", ["a comment is no object"])
    line, start = comment.get("line"), comment.get("start_line")
    if not isinstance(line, int) or not isinstance(start, int | None):
        raise Refused(422, "Invalid request.", ["line is no integer"])
    side = text(comment, "side", "RIGHT")
    return Draft(path=text(comment, "path"), line=line, body=text(comment, "body"), side=side, start_line=start)


def _refusals(draft: Draft, changes: Sequence[Change]) -> list[str]:
    """What is wrong with the place of a comment, in GitHub's words."""
    change = next((each for each in changes if each.path == draft.path), None)
    if change is None:
        return ["Path could not be resolved"]
    hunk = change.anchors.get((draft.side, draft.line))
    if hunk is None:
        return ["Line could not be resolved"]
    if draft.start_line is None:
        return []
    if draft.start_line >= draft.line:
        return ["Start line must precede the end line."]
    if change.anchors.get((draft.side, draft.start_line)) != hunk:
        return ["Pull request review thread start line must be part of the same hunk as the line."]
    return []
