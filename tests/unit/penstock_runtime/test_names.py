import re
from pathlib import Path

from penstock_runtime.names import OPEN, PLATFORMS, SECRET, known_names, token_name, webhook_secret_name

ROOT = Path(__file__).parents[3]


def test_every_variable_a_settings_class_declares_is_listed() -> None:
    sources = [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    declared = {
        name: source.name
        for source in sources
        for name in re.findall(r"\bsetting\(\s*\"(PENSTOCK_\w+)\"", source.read_text(encoding="utf-8"))
    }
    assert "PENSTOCK_OPS_PORT" in declared
    assert {name: where for name, where in declared.items() if name not in known_names()} == {}


def test_no_name_is_both_open_and_secret() -> None:
    assert not OPEN & SECRET


def test_every_platform_has_its_variables() -> None:
    assert len(PLATFORMS) == 7
    assert {token_name(platform) for platform in PLATFORMS} < known_names()
    assert webhook_secret_name("bitbucket-dc") == "PENSTOCK_WEBHOOK_SECRET_BITBUCKET_DC"
