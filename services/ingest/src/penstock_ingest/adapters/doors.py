"""The doors that the environment opens: one for each platform with a webhook secret."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from penstock_ingest.ports import Door
from penstock_platforms.instances import instance_of
from penstock_platforms.webhooks import Webhook
from penstock_runtime.errors import SettingsError
from penstock_runtime.names import PLATFORMS, webhook_secret_name
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
        instance = instance_of(platform, known.url if known else None)
        doors[platform] = Door(instance, module, secrets, unsigned=not secrets)
    if not doors and not problems:
        problems.append(
            f"no webhook secret is set: set {webhook_secret_name('github')} to the secret of the webhook, "
            "or PENSTOCK_INGEST_UNSIGNED=github to take what nobody signed"
        )
    if problems:
        raise SettingsError(tuple(problems))
    return ConfiguredDoors(doors)


def _secrets(access: PlatformAccess | None) -> tuple[bytes, ...]:
    """Two lines are two valid secrets, while one is being replaced."""
    if access is None or access.webhook_secret is None:
        return ()
    return tuple(line.strip().encode() for line in access.webhook_secret.reveal().splitlines() if line.strip())
