"""Mounted applications beside real servers: what is not mounted is asked over the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.kit.mounted import Mounted

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter
    from requests.models import PreparedRequest, Response


class Crossing(Mounted):
    """Answers mounted origins in the process and sends everything else through `network`."""

    def __init__(self, network: BaseAdapter) -> None:
        super().__init__()
        self.network = network

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(str(request.url))
        if f"{parts.scheme}://{parts.netloc}" in self.applications:
            return super().send(request, *args, **kwargs)
        self.before(request)
        return self.network.send(request, *args, **kwargs)

    def close(self) -> None:
        """Close the network's connections."""
        self.network.close()
