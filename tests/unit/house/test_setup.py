"""Set-up finds uv in any index, and tells uv what pip was told."""

import json
import platform
import sys
from pathlib import Path

import pytest

from tools import setup
from tools.get_uv import UV_VERSION, choose_wheel, files_of, pip_setting

LINUX = f"uv-{UV_VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
OTHERS = (
    f"uv-{UV_VERSION}.tar.gz",
    f"uv-{UV_VERSION}-py3-none-musllinux_1_1_x86_64.whl",
    f"uv-{UV_VERSION}-py3-none-manylinux_2_28_aarch64.whl",
    f"uv-{UV_VERSION}-py3-none-macosx_11_0_arm64.whl",
    "uv-0.0.1-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
)
ADDRESS = "https://index.example.org/simple/uv/"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def on(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))


def test_both_kinds_of_index_pages_give_the_same_files() -> None:
    page = "".join(
        f'<a href="../../files/{name}#sha256=ab{len(name)}" data-x="y">{name}</a>' for name in (LINUX, *OTHERS)
    )
    document = {
        "files": [{"url": f"../../files/{name}", "hashes": {"sha256": f"ab{len(name)}"}} for name in (LINUX, *OTHERS)]
    }
    of_html = files_of(page.encode(), "text/html", ADDRESS)
    of_json = files_of(json.dumps(document).encode(), "application/vnd.pypi.simple.v1+json", ADDRESS)
    assert of_html == of_json
    assert of_html[LINUX] == (f"https://index.example.org/files/{LINUX}", f"ab{len(LINUX)}")


@pytest.mark.parametrize(
    ("system", "machine", "libc", "chosen"),
    [
        ("linux", "x86_64", "glibc", LINUX),
        ("linux", "AMD64", "glibc", LINUX),
        ("linux", "x86_64", "", OTHERS[1]),
        ("linux", "aarch64", "glibc", OTHERS[2]),
        ("darwin", "arm64", "", OTHERS[3]),
    ],
)
def test_the_wheel_fits_the_machine(
    system: str, machine: str, libc: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, system, machine, libc)
    assert choose_wheel({name: (name, "") for name in (*OTHERS, LINUX)}) == (chosen, "")


def test_a_machine_without_a_wheel_is_told_to_install_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "linux", "vax", "glibc")
    with pytest.raises(SystemExit, match=r"no uv .* for this machine \(linux, vax\); install uv"):
        choose_wheel({LINUX: (LINUX, "")})


def test_the_index_of_pips_configuration_is_used_for_uv(home: Path) -> None:
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://mirror.example.org/simple\n")
    assert pip_setting("index-url") == "https://mirror.example.org/simple"
    assert setup.environment()["UV_DEFAULT_INDEX"] == "https://mirror.example.org/simple"


def test_what_uv_was_told_itself_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example.org/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example.org/simple")
    assert setup.environment()["UV_DEFAULT_INDEX"] == "https://uv.example.org/simple"


def test_certificates_and_proxies_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/somewhere.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    variables = setup.environment()
    assert variables["SSL_CERT_FILE"] == "/etc/somewhere.pem"
    assert variables["HTTPS_PROXY"] == "http://proxy.example.org:3128"


def test_the_lock_has_no_address_and_each_requirement_a_hash() -> None:
    lock = setup.LOCK.read_text()
    assert "://" not in lock
    requirements = [block for block in lock.replace("\\\n", "").splitlines() if block and block[0] not in " #"]
    assert requirements
    assert [line.split()[0] for line in requirements if "--hash=sha256:" not in line] == []
