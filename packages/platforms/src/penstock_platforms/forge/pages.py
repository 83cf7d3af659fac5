"""Pages for people: the pull requests there are, and one with all that was said on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from penstock_platforms.forge import diffview
from penstock_platforms.forge.markup import prose
from penstock_platforms.forge.model import Comment, Pull, Repository, Review, ReviewComment, Status
from penstock_platforms.forge.rest.reviews import inline_comments
from penstock_platforms.forge.world import World

_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:"}
_SIGNS = {"success": "✓", "pending": "●", "failure": "✗", "error": "!"}
_VERDICTS = {
    "APPROVED": "approved these changes",
    "CHANGES_REQUESTED": "requested changes",
    "COMMENTED": "reviewed",
}


@dataclass(frozen=True, slots=True)
class Pages:
    world: World

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/_static/forge.css", self.style, methods=["GET"]),
            Route("/{owner}/{name}", self.repository, methods=["GET"]),
            Route("/{owner}/{name}/pulls", self.repository, methods=["GET"]),
            Route("/{owner}/{name}/pull/{number:int}", self.pull, methods=["GET"]),
        ]

    async def home(self, request: Request) -> Response:
        repositories = self.world.state.repositories()
        if len(repositories) == 1:
            return RedirectResponse(f"/{repositories[0].name}/pulls")
        items = "".join(
            f'<li class="row"><a href="/{escape(each.name)}/pulls">{escape(each.name)}</a>'
            f'<span class="quiet">{len(self.world.pulls(each))} pull requests</span></li>'
            for each in repositories
        )
        return _page("Repositories", f'<h1>Repositories</h1><ul class="box">{items or _nothing("repositories")}</ul>')

    async def style(self, request: Request) -> Response:
        text = (files("penstock_platforms.forge") / "forge.css").read_text(encoding="utf-8")
        return Response(text, media_type="text/css; charset=utf-8")

    async def repository(self, request: Request) -> Response:
        repository = self._repository(request)
        items = "".join(self._row(repository, pull) for pull in reversed(self.world.pulls(repository)))
        title = f"Pull requests · {repository.name}"
        crumb = f'<p class="crumb"><a href="/">forge</a> / {escape(repository.name)}</p>'
        return _page(title, f'{crumb}<h1>Pull requests</h1><ul class="box">{items or _nothing("pull requests")}</ul>')

    async def pull(self, request: Request) -> Response:
        repository = self._repository(request)
        pull = self.world.pull(repository, int(request.path_params["number"]))
        inline = await inline_comments(self.world, repository, pull)
        current = [comment for comment, there in inline if there]
        outdated = [comment for comment, there in inline if not there]
        changes = await self.world.changes(repository, pull)
        body = (
            _head(repository, pull)
            + self._statuses(repository, pull)
            + self._conversation(repository, pull, outdated)
            + f"<h2>Files changed <span class='count'>{len(changes)}</span></h2>"
            + "".join(diffview.file(change, current) for change in changes)
        )
        return _page(f"{pull.title} · #{pull.number}", body)

    def _repository(self, request: Request) -> Repository:
        return self.world.repository(f"{request.path_params['owner']}/{request.path_params['name']}")

    def _latest(self, repository: Repository, pull: Pull) -> list[Status]:
        """The last status of each context on the head."""
        latest = {each.context: each for each in self.world.state.owned(Status, (repository.id, pull.head))}
        return list(latest.values())

    def _row(self, repository: Repository, pull: Pull) -> str:
        said = len(self.world.state.owned(Comment, (repository.id, pull.number)))
        said += len(self.world.state.owned(ReviewComment, (repository.id, pull.number)))
        signs = "".join(_sign(status) for status in self._latest(repository, pull))
        return (
            f'<li class="row">{_badge(pull)}'
            f'<a class="grow" href="/{escape(repository.name)}/pull/{pull.number}">{escape(pull.title)}</a>{signs}'
            f'<span class="quiet">#{pull.number} by {escape(pull.author)} · {said} comments</span></li>'
        )

    def _statuses(self, repository: Repository, pull: Pull) -> str:
        rows = "".join(
            f'<li class="row">{_sign(each)}<strong>{escape(each.context)}</strong>'
            f'<span class="quiet">{escape(each.description)}</span></li>'
            for each in self._latest(repository, pull)
        )
        return f'<h2>Checks</h2><ul class="box">{rows or _nothing("checks on this commit")}</ul>'

    def _conversation(self, repository: Repository, pull: Pull, outdated: Iterable[ReviewComment]) -> str:
        owner, state = (repository.id, pull.number), self.world.state
        said = [(pull.created_at, pull.id, _card(pull.author, "opened this pull request", pull.created_at, pull.body))]
        for comment in state.owned(Comment, owner):
            card = _card(comment.author, "commented", comment.created_at, comment.body)
            said.append((comment.created_at, comment.id, card))
        for review in state.owned(Review, owner):
            what = f"{_VERDICTS[review.state]} at {review.commit[:7]}"
            card = _card(review.author, what, review.submitted_at, review.body, review.state.lower())
            said.append((review.submitted_at, review.id, card))
        for inline in outdated:
            card = _card(inline.author, f"said on {inline.path} (outdated)", inline.created_at, inline.body)
            said.append((inline.created_at, inline.id, card))
        return "<h2>Conversation</h2>" + "".join(card for _, _, card in sorted(said))


def _head(repository: Repository, pull: Pull) -> str:
    source = f"{pull.fork}:{pull.head_ref}" if pull.fork else pull.head_ref
    return (
        f'<p class="crumb"><a href="/">forge</a> / '
        f'<a href="/{escape(repository.name)}/pulls">{escape(repository.name)}</a> / #{pull.number}</p>'
        f'<h1>{escape(pull.title)} <span class="quiet">#{pull.number}</span></h1>'
        f"<p>{_badge(pull)} <strong>{escape(pull.author)}</strong> wants to merge "
        f"<code>{escape(source)}</code> ({pull.head[:7]}) into <code>{escape(pull.base_ref)}</code></p>"
    )


def _badge(pull: Pull) -> str:
    word = "merged" if pull.merged else "draft" if pull.draft and pull.state == "open" else pull.state
    return f'<span class="badge {word}">{word}</span>'


def _sign(status: Status) -> str:
    title = escape(f"{status.context}: {status.description}")
    return f'<span class="sign {status.state}" title="{title}">{_SIGNS[status.state]}</span>'


def _card(author: str, what: str, when: str, body: str, kind: str = "") -> str:
    told = prose(body) if body.strip() else ""
    text = f'<div class="prose">{told}</div>' if told else ""
    return (
        f'<article class="card {kind}"><header><strong>{escape(author)}</strong> {escape(what)}'
        f'<time class="quiet">{escape(when)}</time></header>{text}</article>'
    )


def _nothing(what: str) -> str:
    return f'<li class="row quiet">There are no {what} yet.</li>'


def _page(title: str, body: str) -> HTMLResponse:
    document = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="/_static/forge.css"></head><body><main>{body}</main></body></html>'
    )
    return HTMLResponse(document, headers={**_POLICY, "Content-Type": "text/html; charset=utf-8"})
