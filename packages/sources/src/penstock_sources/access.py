"""Which repository a pull request lies in, and the credential it is read with."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.facts import PullRequestRef
from penstock_sources.ports import Credential, FixedCredential, Repository

_USERNAMES: Mapping[str, str] = {
    "github": "x-access-token",
    "gitlab": "oauth2",
    "bitbucket": "x-token-auth",
}
"""What a token is sent with; platforms that are not named here look at the token alone."""


def repository_key(ref: PullRequestRef) -> str:
    """Instance and the platform's own id: a repository that is renamed keeps its mirror."""
    return f"{ref.platform}:{ref.instance}:{ref.repository_id}"


def token_credential(platform: str, token: str) -> Credential:
    return Credential(_USERNAMES.get(platform, "penstock"), token)


@dataclass(frozen=True, slots=True)
class Repositories:
    """One credential per platform, for all its repositories; a platform without one is read anonymously."""

    credentials: Mapping[str, Credential]

    def repository(self, ref: PullRequestRef, clone_url: str) -> Repository:
        credential = self.credentials.get(ref.platform)
        return Repository(repository_key(ref), clone_url, FixedCredential(credential) if credential else None)
