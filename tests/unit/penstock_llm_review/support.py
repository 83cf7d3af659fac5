"""A change, and answers to it as a model would write them."""

import json

from penstock_changes.diffs import parse_diff
from penstock_changes.model import FileChange
from penstock_sources.fake import unified_diff

CART = b"""\
def total(items):
    result = 0
    for item in items:
        result += item
    return result
"""
BEFORE = {"shop/cart.py": CART}
AFTER = {
    "shop/cart.py": CART.replace(b"result += item", b"result += item.price"),
    "shop/new.py": b"import os\n\nPASSWORD = 'hunter2hunter2'\n",
}


def diff() -> str:
    return unified_diff(BEFORE, AFTER)


def changes() -> tuple[FileChange, ...]:
    return parse_diff(diff())


def finding(**fields: object) -> dict[str, object]:
    """A finding that is right in every way, unless it is told otherwise."""
    return {
        "path": "shop/cart.py",
        "start_line": 4,
        "end_line": 4,
        "side": "RIGHT",
        "category": "bug",
        "severity": "high",
        "title": "Items without a price",
        "message": "An item may be None here.",
        "suggestion": "        result += item.price or 0",
        "confidence": 0.8,
        **fields,
    }


def answer(*findings: object, summary: str = "Sums prices.") -> str:
    return json.dumps({"summary": summary, "findings": findings})
