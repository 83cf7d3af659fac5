"""Webhooks as large as GitHub's: most of one is addresses, said again for every person and repository in it."""

import hmac
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SECRET = "a-secret-for-measuring"
_API = "https://api.github.com"
_OF_A_PERSON = ("followers", "following", "gists", "starred", "subscriptions", "orgs", "repos", "events", "received")
_OF_A_REPOSITORY = tuple(
    f"{what}_{index}" for what in ("collaborators", "contributors", "git_refs", "issue_comments") for index in range(9)
)
_WORDS = ("order", "total", "rounding", "discount", "receipt", "retry", "timeout", "because", "before", "without")


@dataclass(frozen=True, slots=True)
class SignedBody:
    """A body and the signature GitHub would send with it."""

    body: bytes
    signature: str


def bodies(count: int, seed: int = 1) -> Sequence[SignedBody]:
    """Pushes to pull requests of some forty repositories, each body of 8 to 20 KB."""
    chance = random.Random(seed)
    return [signed(pushed(number, chance)) for number in range(1, count + 1)]


def signed(told: Mapping[str, Any], secret: str = SECRET) -> SignedBody:
    body = json.dumps(told, separators=(",", ":")).encode()
    return SignedBody(body, "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex())


def pushed(number: int, chance: random.Random) -> dict[str, Any]:
    """A `pull_request` webhook with action `synchronize`."""
    repository = _repository(4_000_000 + number % 40)
    head = f"{chance.getrandbits(160):040x}"
    author, sender = _person(100 + number % 50), _person(200 + number % 30)
    address = f"{repository['url']}/pulls/{number}"
    deleted_fork = {"repo": None} if number % 3 == 0 else {"repo": repository}
    pull = {
        "id": 9_000_000 + number,
        "url": address,
        "number": number,
        "state": "open",
        "title": " ".join(chance.choices(_WORDS, k=8)),
        "user": author,
        "body": " ".join(chance.choices(_WORDS, k=chance.randint(0, 400))),
        "author_association": "CONTRIBUTOR",
        "draft": False,
        "merged": False,
        "requested_reviewers": [_person(300 + index) for index in range(number % 4)],
        "head": {"label": "acme:topic", "ref": "topic", "sha": head, "user": author} | deleted_fork,
        "base": {
            "label": "acme:main",
            "ref": "main",
            "sha": "0" * 40,
            "user": author,
            "repo": repository if number % 2 else None,
        },
        "_links": {name: {"href": f"{address}/{name}"} for name in ("self", "html", "issue", "comments", "commits")},
    }
    return {
        "action": "synchronize",
        "number": number,
        "before": "0" * 40,
        "after": head,
        "pull_request": pull,
        "repository": repository,
        "sender": sender,
    }


def _person(number: int) -> dict[str, Any]:
    login, address = f"person-{number}", f"{_API}/users/person-{number}"
    links = {f"{name}_url": f"{address}/{name}{{/other}}" for name in _OF_A_PERSON}
    return {"login": login, "id": number, "node_id": "MDQ6VXNlcjE=", "type": "User", "url": address, **links}


def _repository(number: int) -> dict[str, Any]:
    name, address = f"acme/shop-{number}", f"{_API}/repos/acme/shop-{number}"
    links = {f"{link}_url": f"{address}/{link}{{/number}}" for link in _OF_A_REPOSITORY}
    plain = {"id": number, "full_name": name, "private": False, "default_branch": "main", "url": address}
    return plain | {"owner": _person(1), "license": {"key": "apache-2.0"}, "topics": ["shop"]} | links
