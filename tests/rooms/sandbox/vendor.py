"""The vendor's own SDK as a caller of the sandbox, which tells the whole body and not only what its models know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_aiccs20191015 import models
from alibabacloud_aiccs20191015.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config

from bridge.sandbox.acs3 import ACCESS_KEYS
from bridge.sandbox.registrations import instance_of

if TYPE_CHECKING:
    from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params

    from bridge.sandbox.world import World

FIXTURES = Path(__file__).parents[2] / "fixtures" / "aiccs"


class Vendor(Client):  # type: ignore[misc]  # the SDK ships no types
    """The SDK with a company's access key."""

    def __init__(self, world: World, port: int, company: str = "contoso") -> None:
        self.world = world
        self.port = port
        key = ACCESS_KEYS[company]
        config = Config(
            access_key_id=key.access_key_id,
            access_key_secret=key.access_key_secret,
            endpoint=f"127.0.0.1:{port}",
            protocol="http",
        )
        super().__init__(config)
        self.instance_id = instance_of(company)
        self.body: dict[str, Any] = {}

    def of(self, company: str) -> Vendor:
        """Return a caller with another company's key."""
        return Vendor(self.world, self.port, company)

    def call_api(self, params: Params, request: OpenApiRequest, runtime: object) -> dict[str, Any]:
        answer: dict[str, Any] = super().call_api(params, request, runtime)
        self.body = answer["body"]
        return answer

    def do(self, operation: str, **fields: Any) -> Any:
        """Perform an operation, on the company's instance unless told another, and return the body as it came."""
        name = "".join(word.capitalize() for word in operation.split("_"))
        asked = {"instance_id": self.instance_id, **fields}
        if operation == "get_instance_list":
            del asked["instance_id"]
        getattr(self, operation)(getattr(models, f"{name}Request")(**asked))
        return self.body


def shape(value: Any) -> Any:
    """Return the members of an answer with the kinds of their values; a list is what its first row is."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return type(value).__name__


def documented(name: str) -> Any:
    """Return the shape of a fixture."""
    return shape(json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8")))


def refused(vendor: Vendor, operation: str, **fields: Any) -> tuple[int, str]:
    """Return the status and the code by which an operation is refused."""
    with pytest.raises(AlibabaCloudException) as refusal:
        vendor.do(operation, **fields)
    return refusal.value.status_code, refusal.value.code
