"""Which repository a pull request lies in, and the credential it is read with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock_contracts.facts import PullRequestRef
from penstock_runtime import parsers
from penstock_runtime.errors import SettingsError
from penstock_runtime.settings import platform_access, setting
from penstock_sources.ports import Credential, FixedCredential, Repository

_USERNAMES: Mapping[str, str] = {
    "github": "x-access-token",
    "gitlab": "oauth2",
    "bitbucket": "x-token-auth",
}
"""What a token is sent with; platforms that are not named here look at the token alone."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What whoever reads repositories needs to know."""

    data_dir: Path = setting(
        "PENSTOCK_DATA_DIR",
        parsers.path,
        Path("~/.local/share/penstock"),
        about="what may be thrown away and is kept between starts: mirrors of repositories, the embedded database",
    )

    def __post_init__(self) -> None:
        """Raises SettingsError where the default has no home, as for a user that the system does not know."""
        try:
            self.data_dir.expanduser()
        except RuntimeError:
            problem = f"PENSTOCK_DATA_DIR is missing, and {self.data_dir} is nowhere: set it to a folder, or set HOME"
            raise SettingsError((problem,)) from None

    @property
    def mirrors(self) -> Path:
        return self.data_dir.expanduser() / "mirrors"


def repository_key(ref: PullRequestRef) -> str:
    """Instance and the platform's own id: a repository that is renamed keeps its mirror."""
    return f"{ref.platform}:{ref.instance}:{ref.repository_id}"


def token_credential(platform: str, token: str) -> Credential:
    return Credential(_USERNAMES.get(platform, "penstock"), token)


@dataclass(frozen=True, slots=True)
class Repositories:
    """One credential per platform, for all its repositories; a platform without one is read anonymously."""

    credentials: Mapping[str, Credential]

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> "Repositories":
        """With the tokens of PENSTOCK_<PLATFORM>_TOKEN. Raises SettingsError."""
        return cls(
            {
                platform: token_credential(platform, access.token.reveal())
                for platform, access in platform_access(environ).items()
                if access.token is not None
            }
        )

    def repository(self, ref: PullRequestRef, clone_url: str) -> Repository:
        credential = self.credentials.get(ref.platform)
        return Repository(repository_key(ref), clone_url, FixedCredential(credential) if credential else None)
