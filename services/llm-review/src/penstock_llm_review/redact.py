"""Takes secrets out of text before it leaves the house (F4). Pure; the number of lines stays as it was.

It knows the forms of common credentials, whatever is called a password or a token and has a literal value, passwords
in addresses, and private keys.
"""

import re
from collections.abc import Sequence

PLACEHOLDER = "[redacted]"

_FORMS = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|gl(?:pat|ptt|rt|dt|soat)-[A-Za-z0-9_.-]{16,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|AIza[A-Za-z0-9_-]{30,}"
    r"|ya29\.[A-Za-z0-9_-]{20,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|xapp-[A-Za-z0-9-]{10,}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|sk-[A-Za-z0-9_-]{20,}"
    r"|npm_[A-Za-z0-9]{30,}"
    r"|pypi-[A-Za-z0-9_-]{30,}"
    r"|hf_[A-Za-z0-9]{30,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|dop_v1_[a-f0-9]{40,}"
    r"|AGE-SECRET-KEY-[A-Z0-9]{40,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"
    r")"
)
_PASSWORD_IN_URL = re.compile(
    r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'`]{0,100}:)(?![$<{%])([^\s/@\"'`]{1,200})(@)", re.IGNORECASE
)
_AUTHORIZATION = re.compile(r"\b((?:bearer|basic|token)\s+)([A-Za-z0-9+/_.=~-]{16,})", re.IGNORECASE)
_WORDS = r"passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
_NO_SECRET = r"(?![\w-]*(?:name|ur[li]|path|file|type|id|header|field|prefix|length|count|limit)\b)"
_NAME = rf"[\w.-]{{0,60}}(?:{_WORDS})s?{_NO_SECRET}[\w-]{{0,40}}"
_QUOTED_VALUE = re.compile(
    rf"((?<![\w.-]){_NAME}[\"']?\]?\s{{0,4}}(?::\s{{0,2}}\w{{1,20}}\s{{0,2}})?(?::=|=>|[:=])\s{{0,4}}[rbfu]{{0,2}})"
    r"([\"'`])(?![$<{%])((?:(?!\2)[^\\]|\\.){6,500})(\2)",
    re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(
    rf"(^\s{{0,8}}(?:export\s+|-\s+)?{_NAME}\s{{0,2}}[:=]\s{{0,2}})"
    r"((?=[^\s]*\d)[^\s\"'`(){}\[\]$<>,;]{8,200})(\s*)$",
    re.IGNORECASE,
)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[\s\"'+A-Za-z0-9/=:,.\\-]*")
_TOO_LONG = 20_000


def redact_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines that belong together in their order, as of one hunk: a private key spans several of them."""
    found: list[str] = []
    in_key = False
    for line in lines:
        if (not in_key and _KEY_BEGIN.search(line)) or (in_key and _KEY_BODY.fullmatch(line)):
            in_key = _KEY_END.search(line) is None
            found.append(PLACEHOLDER)
        else:
            in_key = False
            found.append(_redacted(line))
    return tuple(found)


def redact(text: str) -> str:
    return "\n".join(redact_lines(text.split("\n")))


def _redacted(line: str) -> str:
    # No person writes such lines; looking for patterns in them costs more than what they tell a reviewer.
    if len(line) > _TOO_LONG:
        return PLACEHOLDER
    line = _FORMS.sub(PLACEHOLDER, line)
    line = _PASSWORD_IN_URL.sub(rf"\1{PLACEHOLDER}\3", line)
    line = _AUTHORIZATION.sub(rf"\1{PLACEHOLDER}", line)
    line = _QUOTED_VALUE.sub(rf"\1\2{PLACEHOLDER}\4", line)
    return _PLAIN_VALUE.sub(rf"\1{PLACEHOLDER}\3", line)
