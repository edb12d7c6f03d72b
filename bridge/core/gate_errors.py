"""The part of the tree of errors about who may come in by something else than a sign-in; see ``errors``."""

from __future__ import annotations

from bridge.core.errors import BridgeError


class AdminSignInRequired(BridgeError):
    """No administrator is signed in, or not recently enough for this act."""

    code = "admin_sign_in_required"
    status = 401
    default = "An administrator has to sign in."


class AdminNotAllowed(BridgeError):
    """The person is no administrator here, or not of this connection."""

    code = "admin_not_allowed"
    status = 403
    default = "This person may not administer this."


class AdminLinkInvalid(BridgeError):
    """The link for the first administrator was used already, is older than 15 minutes, or was never made."""

    code = "admin_link_invalid"
    status = 403
    default = "This link is not valid any more."


class RehearsalLinkInvalid(BridgeError):
    """The test link is unknown or older than 24 hours, or its version is gone."""

    code = "rehearsal_link_invalid"
    status = 404
    default = "This test link is not valid any more."


class ApiKeyInvalid(BridgeError):
    """The request carries no API key, or one that is unknown, revoked or past its end (RFC 6750 section 3.1)."""

    code = "api_key_invalid"
    status = 401
    default = "The API key is missing or not valid any more."


class ApiKeyForbidden(BridgeError):
    """The API key is good, but not for this: it lacks the scope, or is used from another network."""

    code = "api_key_forbidden"
    status = 403
    default = "The API key does not allow this."


class IdempotencyConflict(BridgeError):
    """The request with this Idempotency-Key is still under way."""

    code = "idempotency_conflict"
    status = 409
    retryable = True
    default = "The same request is under way already."


class IdempotencyKeyReused(BridgeError):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"
    status = 422
    default = "The Idempotency-Key belongs to another request."


class HandoffInvalid(BridgeError):
    """The hand-off was used already, is older than a minute, or was never made for this connection."""

    code = "handoff_invalid"
    status = 400
    default = "This hand-off is not valid any more."
