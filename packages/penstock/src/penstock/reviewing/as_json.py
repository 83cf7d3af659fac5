"""A report as JSON: the names of schema version 1, which only ever get company. review.schema.json describes them."""

from typing import Any

import msgspec

from penstock.reviewing.report import Report
from penstock_changes.documents import Symbol
from penstock_changes.findings import Finding

SCHEMA_VERSION = 1


def rendered(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(document(report)), indent=2).decode() + "\n"


def document(report: Report) -> dict[str, Any]:
    """The same report always gives the same document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "range": {"base": report.base, "head": report.head},
        "summary": "\n".join((f"{report.summary}.", *report.opinions, *report.notes)),
        "findings": [_finding(finding) for finding in report.findings],
        "files": [
            {
                "path": file.path,
                "status": file.status,
                "language": file.language or None,
                "symbols": [_symbol(symbol) for symbol in file.symbols],
            }
            for file in report.files
        ],
        "not_reviewed": [{"path": each.path, "reason": each.reason} for each in report.not_reviewed],
        "usage": {
            "model": report.usage.model or None,
            "calls": report.usage.calls,
            "input_tokens": report.usage.input_tokens,
            "output_tokens": report.usage.output_tokens,
            "cost": report.usage.cost,
        },
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "start_line": finding.start_line,
        "end_line": finding.end_line,
        "side": finding.side.value,
        "category": finding.category.value,
        "severity": finding.severity.value,
        "rule": finding.rule,
        "title": finding.title,
        "message": finding.message,
        "suggestion": finding.suggestion,
        "confidence": finding.confidence,
        "fingerprint": finding.fingerprint,
        "source": finding.source,
    }


def _symbol(symbol: Symbol) -> dict[str, Any]:
    return {
        "name": symbol.name,
        "kind": symbol.kind,
        "change": symbol.change,
        "start_line": symbol.start_line,
        "end_line": symbol.end_line,
        "signature": symbol.signature or None,
        "old_signature": symbol.old_signature or None,
    }
