"""Python: its symbols, and its rules."""

from penstock_ast.languages.grammar import Grammar, Rule
from penstock_changes.findings import Category, Severity
from penstock_changes.languages import Language


def _load() -> object:
    import tree_sitter_python

    return tree_sitter_python.language()


_MUTABLE_VALUE = {
    "any": [
        {"kind": "list"},
        {"kind": "dictionary"},
        {"kind": "set"},
        {"kind": "list_comprehension"},
        {"kind": "dictionary_comprehension"},
        {"kind": "set_comprehension"},
        {
            "kind": "call",
            "has": {"field": "function", "regex": r"^(list|dict|set|bytearray|(collections\.)?(defaultdict|deque))$"},
        },
    ]
}
_SHELL_TRUE = {
    "kind": "keyword_argument",
    "all": [{"has": {"field": "name", "regex": "^shell$"}}, {"has": {"field": "value", "kind": "true"}}],
}
_DOES_SOMETHING = {
    "not": {"any": [{"kind": "pass_statement"}, {"kind": "comment"}, {"regex": r"^\.\.\.$"}]},
}
_CATCHES_LITTLE = {"field": "value", "not": {"regex": r"^\(?(Base)?Exception\)?(\s+as\s+\w+)?$"}}

_RULES = (
    Rule(
        name="python-mutable-default-argument",
        category=Category.BUG,
        severity=Severity.MEDIUM,
        title="Mutable default argument",
        message=(
            "The default is created once, when the function is defined, and every call without this argument shares "
            "it: what one call puts in, the next one finds. Use None as the default and create the value inside."
        ),
        pattern={
            "any": [{"kind": "default_parameter"}, {"kind": "typed_default_parameter"}],
            "has": {"field": "value", **_MUTABLE_VALUE},
        },
    ),
    Rule(
        name="python-subprocess-shell-true",
        category=Category.SECURITY,
        severity=Severity.HIGH,
        title="Subprocess started through a shell",
        message=(
            "With shell=True the command is read by a shell, so any part of it that comes from outside can run other "
            "commands. Give the program and its arguments as a list, without a shell."
        ),
        pattern={
            "kind": "call",
            "all": [
                {"has": {"field": "function", "regex": r"^(subprocess\.)?(run|call|check_call|check_output|Popen)$"}},
                {"has": {"field": "arguments", "has": _SHELL_TRUE}},
            ],
        },
    ),
    Rule(
        name="python-bare-except-pass",
        category=Category.MAINTAINABILITY,
        severity=Severity.MEDIUM,
        title="Every error is swallowed",
        message=(
            "This catches everything and does nothing, so a typing mistake or a full disk disappears without a trace. "
            "Catch the error that is expected here, and say why it may be ignored."
        ),
        pattern={
            "kind": "except_clause",
            "not": {"has": _CATCHES_LITTLE},
            "has": {"kind": "block", "not": {"has": _DOES_SOMETHING}},
        },
    ),
)

PYTHON = Grammar(
    language=Language.PYTHON,
    load=_load,
    definitions={"function_definition": "function", "class_definition": "class"},
    methods_in=frozenset({"class_definition"}),
    wrappers=frozenset({"decorated_definition"}),
    comments=frozenset({"comment"}),
    rules=_RULES,
)
