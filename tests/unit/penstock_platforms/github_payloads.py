"""Webhooks as GitHub sends them, cut down to what is read and a little beside it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

HEAD = "1f0c9c5d1a2b3c4d5e6f708192a3b4c5d6e7f809"
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
SECRET = b"a secret"


def headers(event: str, body: bytes = b"", more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-event": event,
        "x-github-delivery": DELIVERY,
        "x-hub-signature-256": "sha256=" + hmac.digest(SECRET, body, "sha256").hex(),
        **(more or {}),
    }


def person(login: str, kind: str = "User") -> dict[str, Any]:
    return {"login": login, "id": 7, "type": kind, "site_admin": False}


def repository() -> dict[str, Any]:
    return {"id": 4_012_345_678, "full_name": "acme/shop", "private": False, "default_branch": "main"}


def pull_request(action: str, *, pull: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "number": 7,
        "pull_request": {
            "id": 1,
            "number": 7,
            "title": "Count to thirty",
            "user": person("alice"),
            "author_association": "CONTRIBUTOR",
            "draft": False,
            "merged": False,
            "head": {"ref": "counting", "sha": HEAD},
            "base": {"ref": "main", "sha": "0" * 40},
            **(pull or {}),
        },
        "repository": repository(),
        "sender": person("bob"),
        **more,
    }


def comment(body: str, *, issue: Mapping[str, Any] | None = None, by: dict[str, Any] | None = None) -> dict[str, Any]:
    author = by or person("carol")
    return {
        "action": "created",
        "issue": {
            "number": 7,
            "title": "Count to thirty",
            "user": person("alice"),
            "author_association": "MEMBER",
            "draft": False,
            "pull_request": {"url": "https://api.github.com/repos/acme/shop/pulls/7"},
            **(issue or {}),
        },
        "comment": {"id": 99_000_000_001, "user": author, "body": body, "author_association": "OWNER"},
        "repository": repository(),
        "sender": author,
    }


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()
