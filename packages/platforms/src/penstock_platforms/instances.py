"""What an installation of a platform is called: the part of a stream's key that tells two servers apart."""

from __future__ import annotations

from urllib.parse import urlsplit

_PUBLIC = {
    "github": "github.com",
    "gitlab": "gitlab.com",
    "bitbucket": "bitbucket.org",
    "azure": "dev.azure.com",
    "forgejo": "codeberg.org",
    "gitea": "gitea.com",
}
_PUBLIC_HOSTS = {"api.github.com": "github.com", "api.bitbucket.org": "bitbucket.org", "www.gitlab.com": "gitlab.com"}


_PORTS = {"https": ":443", "http": ":80"}


def instance_of(platform: str, url: str | None) -> str:
    """The host of the configured address, else the platform's public one. Never changed later: it is in every key."""
    address = urlsplit(url or "")
    host = address.netloc.rpartition("@")[2].lower().removesuffix(_PORTS.get(address.scheme, ""))
    return _PUBLIC_HOSTS.get(host, host) or _PUBLIC.get(platform, platform)
