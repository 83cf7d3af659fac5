"""The bundled forge as a process."""

from pathlib import Path

from penstock.local.forge import ForgeProcess


def test_secrets_may_begin_with_a_dash(tmp_path: Path) -> None:
    forge = ForgeProcess(tmp_path / "forge")
    try:
        forge.start("http://127.0.0.1:9/webhooks/github", "-secret", "--token")
        assert forge.answers()
    finally:
        forge.stop()
