"""Houses whose connections are in mode jwt, beside a Fuyun that knows the platform's key."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from bridge.core.model import IdentityProvider, JwtSigning, Secret
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from bridge.core.model import Connection
    from bridge.settings import Settings
    from tests.kit.house import House

ISSUER: Final = "https://crm.example.com"
NO_PROVIDER: Final = IdentityProvider("none", "")


def signing_settings(
    folder: Path, *, signing: Collection[str] = ("contoso", "globex"), without_provider: Collection[str] = ("globex",)
) -> Settings:
    """Return the demo's settings with some connections in mode jwt, and without limits of the API.

    Args:
        without_provider: those of them whose people come from the platform alone.
    """

    def alter(connection: Connection) -> Connection:
        if connection.name not in signing:
            return connection
        signs = JwtSigning(ISSUER, Secret(private_pem(_key())))
        altered = replace(connection, mode="jwt", jwt=signs)
        return (
            replace(altered, idp=NO_PROVIDER, domains=(), hosts=()) if connection.name in without_provider else altered
        )

    settings = demo_settings(folder)
    unlimited = settings.limits.model_copy(update={"api_key": "", "api_failures": ""})
    return replace(settings, connections=tuple(map(alter, settings.connections)), limits=unlimited)


def signing_house(settings: Settings) -> House:
    """Build a house whose Fuyun has the public key of every connection in mode jwt."""
    house = build_house(settings)
    for connection in settings.connections:
        if connection.mode == "jwt":
            house.world.use_jwt(connection.name, ISSUER, public_pem(_key().public_key()))
    return house


def standing_house(folder: Path) -> Iterator[House]:
    """Build a signing house for a fixture of many tests, and close it."""
    built = signing_house(signing_settings(folder))
    yield built
    built.services.database.close()


def as_new(standing: House) -> House:
    """Return a house whose contact center knows nothing of the test before."""
    standing.world.reset()
    standing.calls.clear()
    return standing


@cache
def _key() -> RSAPrivateKey:
    return new_rsa()
