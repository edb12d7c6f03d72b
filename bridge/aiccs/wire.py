"""The vendor's SDK, with its calls sent through our own way out. To import this module takes half a second.

The SDK knows each operation's parameters, encoding and signature. Its own transport follows redirects, takes a proxy
from the environment but not the exceptions to it, knows no deadline and no largest answer, and hides the status of what
is not JSON; so what it signed goes through `Outbound` instead, like every other call of the bridge.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from alibabacloud_aiccs20191015.client import Client
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.request import DaraRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.core.model import AiccsAccess
    from bridge.egress.answer import Answer

SIGNATURE: Final = "ACS3-HMAC-SHA256"
FORM: Final = "application/x-www-form-urlencoded"


class SignedClient(Client):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's client of one access key.

    Args:
        send: method, URL, headers and form → the answer.
        judge: operation and its answer → the answer's JSON object, or an error of ours.
        now: epoch seconds.
    """

    def __init__(
        self,
        access: AiccsAccess,
        send: Callable[[str, str, dict[str, str], dict[str, str]], Answer],
        judge: Callable[[str, Answer], dict[str, Any]],
        now: Callable[[], float],
    ) -> None:
        super().__init__(Config(endpoint=access.endpoint, protocol=access.protocol))
        self._access = access
        self._send = send
        self._judge = judge
        self._now = now

    def call_api(self, params: Params, request: OpenApiRequest, _runtime: object) -> dict[str, Any]:
        """Sign and send what one of the SDK's operations has prepared; every operation ends here."""
        # Encoded once more by the way out, in this order, so that the hash signed here is the hash of what is sent.
        form = dict(sorted(Utils.query(request.body).items()))
        signed = DaraRequest()
        signed.method, signed.pathname, signed.query = params.method, params.pathname, request.query
        payload = Utils.hash(urlencode(form).encode(), SIGNATURE).hex()
        signed.headers = self._headers(params, payload) | ({"content-type": FORM} if form else {})
        key_id, secret = self._access.access_key_id.reveal(), self._access.access_key_secret.reveal()
        authorization = Utils.get_authorization(signed, SIGNATURE, payload, key_id, secret)
        headers = signed.headers | {"Authorization": authorization}
        answer = self._send(params.method, self._url(params.pathname, signed.query), headers, form)
        return {"body": self._judge(params.action, answer), "statusCode": answer.status}

    def _headers(self, params: Params, payload: str) -> dict[str, str]:
        return {
            "host": self._access.endpoint,
            "x-acs-version": params.version,
            "x-acs-action": params.action,
            "user-agent": Utils.get_user_agent("hotline-bridge"),
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now())),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "accept": "application/json",
            "x-acs-content-sha256": payload,
        }

    def _url(self, path: str, query: dict[str, str]) -> str:
        return f"{self._access.protocol}://{self._access.endpoint}{path}" + (f"?{urlencode(query)}" if query else "")
