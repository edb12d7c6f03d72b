"""A platform that uses the bridge: what its back end knows of the bridge, and what Fuyun's portal knows of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bridge.sandbox.acs3 import AccessKey
from bridge.sandbox.registrations import FuyunApplication, is_loopback

DEMO_CONNECTION: Final = "crm"
DEMO_TITLE: Final = "Sandbox CRM"


@dataclass(frozen=True, slots=True)
class Platform:
    """The sandbox's CRM as a customer of one bridge.

    Args:
        bridge_url: the bridge's public URL.
        connection: a connection in mode jwt.
        api_key: text of a key with scope ``token`` for it.
        issuer, public_key: what the portal shall know of the connection's JWTs, the key as PEM; both empty where it
            was told in another way.
    """

    bridge_url: str
    connection: str
    api_key: str = field(repr=False)
    issuer: str = ""
    public_key: str = ""

    def application(self) -> FuyunApplication:
        """Return the platform's application of the developer portal."""
        return FuyunApplication(
            self.connection,
            f"idp_demo_{self.connection}",
            f"sandbox-fuyun-{self.connection}-for-demo-only",
            mapping_field="",
            mode="jwt",
            jwt_issuer=self.issuer,
            jwt_public_key=self.public_key,
        )

    def access_key(self) -> AccessKey:
        """Return the access key of the platform's cloud account, by which the bridge asks about agents."""
        name = self.connection
        return AccessKey(name, f"LTAI-sandbox-{name}", f"sandbox-access-key-{name}-for-demo-only")


def read_platform(path: str) -> Platform | None:
    """Return what a JSON file says, None without a path.

    Raises:
        ValueError: it cannot be read, or its members are others than those of `Platform`, all of them text; the
            sentence holds no value of the file.
    """
    if not path:
        return None
    try:
        members = json.loads(Path(path).read_text(encoding="utf-8"))
        platform = Platform(**members)
    except (OSError, ValueError, TypeError):
        raise ValueError(f"{path}: must be a JSON object with bridge_url, connection and api_key") from None
    if not all(isinstance(value, str) for value in asdict(platform).values()):
        raise ValueError(f"{path}: every member must be text")
    if not platform.bridge_url.startswith("https://") and not is_loopback(platform.bridge_url):
        raise ValueError(f"{path}: bridge_url must begin with https://; plain http is for this machine only")
    return platform


def write_platform(path: Path, platform: Platform) -> None:
    """Write a file that `read_platform` reads, for its owner's eyes alone."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(platform), ensure_ascii=False), encoding="utf-8")
