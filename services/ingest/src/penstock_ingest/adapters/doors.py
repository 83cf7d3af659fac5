"""The doors that the environment opens: one for each platform with a webhook secret."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from penstock_ingest.ports import Door, Streams
from penstock_platforms.instances import instance_of
from penstock_platforms.webhooks import Webhook
from penstock_runtime.errors import SettingsError
from penstock_runtime.names import PLATFORMS, instance_name, url_name, webhook_secret_name
from penstock_runtime.settings import PlatformAccess


@dataclass(frozen=True, slots=True)
class ConfiguredDoors:
    """Implements `ports.Doors`."""

    doors: Mapping[str, Door] = field(default_factory=dict)

    def find(self, platform: str, instance: str) -> Door | str:
        door = self.doors.get(platform)
        if door is None:
            open_ones = ", ".join(f"/webhooks/{name}" for name in sorted(self.doors))
            if platform in PLATFORMS:
                return f"no webhooks of {platform} are taken here; there is {open_ones}"
            return f"no such platform; there is {open_ones}"
        if instance not in ("", door.instance):
            return f"no such instance of {platform}; there is {door.instance}"
        return door


def open_doors(
    access: Mapping[str, PlatformAccess], unsigned: Sequence[str], webhook: Callable[[str], Webhook | None]
) -> ConfiguredDoors:
    """Raises SettingsError where a platform is configured that cannot be served, or none is."""
    doors: dict[str, Door] = {}
    problems = [f"PENSTOCK_INGEST_UNSIGNED={name} is no platform" for name in unsigned if name not in PLATFORMS]
    for platform in PLATFORMS:
        known = access.get(platform)
        secrets = _secrets(known)
        if not secrets and platform not in unsigned:
            continue
        module = webhook(platform)
        if module is None:
            problems.append(f"{webhook_secret_name(platform)}: this version does not take webhooks of {platform}")
            continue
        instance = (known and known.instance) or instance_of(platform, known.url if known else None)
        doors[platform] = Door(instance, module, secrets, unsigned=not secrets)
    if not doors and not problems:
        problems.append(
            f"no webhook secret is set: set {webhook_secret_name('github')} to the secret of the webhook, "
            "or PENSTOCK_INGEST_UNSIGNED=github to take what nobody signed"
        )
    if problems:
        raise SettingsError(tuple(problems))
    return ConfiguredDoors(doors)


async def refuse_another_name(doors: ConfiguredDoors, access: Mapping[str, PlatformAccess], streams: Streams) -> None:
    """Raises SettingsError where the pull requests of a platform are known by another instance than the one that its
    address tells: each of them would be a new one, and everything would be said on it once more."""
    problems = [
        problem
        for platform, door in doors.doors.items()
        if not ((known := access.get(platform)) and known.instance)
        and (problem := await _named_otherwise(platform, door.instance, streams))
    ]
    if problems:
        raise SettingsError(tuple(problems))


async def _named_otherwise(platform: str, instance: str, streams: Streams) -> str:
    before = await streams.names(after=f"{platform}:", limit=1)
    named = await streams.names(after=f"{platform}:{instance}:", limit=1)
    if any(name.startswith(f"{platform}:{instance}:") for name in named):
        return ""
    for name in before:
        other = name.removeprefix(f"{platform}:").rsplit(":", 2)[0]
        if name.startswith(f"{platform}:"):
            return (
                f"by {url_name(platform)} this is {instance}, and the pull requests stored here are of {other}: set "
                f"{instance_name(platform)}={other} where that is the same server under another address, or "
                f"{instance_name(platform)}={instance} where it is another server; each pull request would be reviewed "
                "and commented on once more"
            )
    return ""


def _secrets(access: PlatformAccess | None) -> tuple[bytes, ...]:
    """Two lines are two valid secrets, while one is being replaced."""
    if access is None or access.webhook_secret is None:
        return ()
    return tuple(line.strip().encode() for line in access.webhook_secret.reveal().splitlines() if line.strip())
