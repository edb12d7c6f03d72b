"""What each failure says to people: one plain account per error code, in the reader's language.

The codes are those of `core.errors`; the English sentences stand here, the Chinese ones in ``translations/zh``.
"""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _

from bridge.http.error_text import ADMINISTRATOR, OPERATOR, YOU, ErrorText
from bridge.http.texts_contact_center import CONTACT_CENTER_API

_REQUEST: Final = {
    "request_invalid": ErrorText(
        title=_("This link is incomplete"),
        detail=_("Part of the address is missing or was changed on the way, so we could not tell what to open."),
        who=YOU,
        advice=_("Open the hotline again from your business software or from your bookmark."),
    ),
    "page_unknown": ErrorText(
        title=_("There is no page at this address"),
        detail=_("The address was mistyped, or the page has moved."),
        who=YOU,
        advice=_("Check the address, or go to the hotline's start page."),
    ),
    "state_unknown": ErrorText(
        title=_("This browser did not start this sign-in"),
        detail=_(
            "The sign-in was begun in another browser or window, was already finished, or this browser blocks cookies."
        ),
        who=YOU,
        advice=_("Start the sign-in again. If this page comes back every time, allow cookies for this site."),
    ),
    "state_expired": ErrorText(
        title=_("The sign-in took too long"),
        detail=_("More than ten minutes passed before you came back, so this attempt is no longer valid."),
        who=YOU,
        advice=_("Start the sign-in again. Nothing else needs to change."),
    ),
    "csrf_failed": ErrorText(
        title=_("We stopped this request to protect you"),
        detail=_(
            "It did not come from a page of your current session. That happens when a page stays open while you "
            "sign in again elsewhere."
        ),
        who=YOU,
        advice=_("Go back to the hotline, reload the page and repeat what you were doing."),
    ),
    "rate_limited": ErrorText(
        title=_("Too many attempts"),
        detail=_("Many requests came from your network within a short time, so we are pausing them briefly."),
        who=YOU,
        advice=_("Wait one minute, then try again."),
    ),
}

_CONNECTION: Final = {
    "connection_unknown": ErrorText(
        title=_("We do not know this company sign-in"),
        detail=_("The address contains a company name that is not set up here."),
        who=ADMINISTRATOR,
        advice=_("Check the address for a typing mistake, or ask your administrator for the right link."),
    ),
    "connection_disabled": ErrorText(
        title=_("Your company's sign-in is switched off"),
        detail=_("It is set up, but an administrator has switched it off for the time being."),
        who=ADMINISTRATOR,
        advice=_("Ask your administrator when it will be available again."),
    ),
    "no_identity_provider": ErrorText(
        title=_("The phone opens from your business software"),
        detail=_("Your company signs in there, and the software opens the phone for you. Nobody can sign in here."),
        who=YOU,
        advice=_("Go to your business software and open the phone from there."),
    ),
    "handoff_invalid": ErrorText(
        title=_("This way to the phone is used up"),
        detail=_("Your business software makes a new one for each click. It works once, and for one minute."),
        who=YOU,
        advice=_("Go back to your business software and open the phone from there again."),
    ),
}

_API: Final = {
    "connection_mode_unsuited": ErrorText(
        title=_("This connection cannot do that"),
        detail=_("What was asked for needs another mode, or access that the connection does not have."),
        who=OPERATOR,
        advice=_("Change the connection's mode, or complete its access."),
    ),
    "api_key_invalid": ErrorText(
        title=_("The API key is not valid"),
        detail=_("It is missing, unknown, revoked or past its end."),
        who=OPERATOR,
        advice=_("Make a new key and give it to the platform's back end."),
    ),
    "api_key_forbidden": ErrorText(
        title=_("The API key does not allow this"),
        detail=_("It lacks the scope that this needs, or is used from a network that it is not for."),
        who=OPERATOR,
        advice=_("Make a key with the right scope and networks."),
    ),
    "idempotency_conflict": ErrorText(
        title=_("The same request is under way already"),
        detail=_("Somebody sent it a moment ago, and it has no answer yet."),
        who=YOU,
        advice=_("Ask again in a few seconds."),
    ),
    "idempotency_key_reused": ErrorText(
        title=_("The Idempotency-Key belongs to another request"),
        detail=_("Each request that shall happen once needs a key of its own."),
        who=YOU,
        advice=_("Send the request with a fresh key."),
    ),
}

_CONSOLE: Final = {
    "connection_read_only": ErrorText(
        title=_("This connection is changed in the configuration file"),
        detail=_("It stands in the configuration file of the server, which alone decides about it."),
        who=OPERATOR,
        advice=_("Change it in the file and restart the bridge. Here you can look at it and test it."),
    ),
    "connection_changed": ErrorText(
        title=_("Somebody else has changed this connection meanwhile"),
        detail=_("Nothing of yours was saved, so that nothing of theirs is lost."),
        who=YOU,
        advice=_("Open the connection again, look at the newest version and repeat your change there."),
    ),
    "rehearsal_missing": ErrorText(
        title=_("This version has not passed a test"),
        detail=_("Its last test failed, or there was none, so nobody knows whether people can sign in by it."),
        who=YOU,
        advice=_("Test it with your own account, then activate it."),
    ),
    "rehearsal_link_invalid": ErrorText(
        title=_("This test link is no longer valid"),
        detail=_("A test link works for 24 hours, and only as long as what it tests is there."),
        who=ADMINISTRATOR,
        advice=_("Ask the person who sent it to you for a new one."),
    ),
    "admin_sign_in_required": ErrorText(
        title=_("Please sign in to the console"),
        detail=_("Nobody is signed in to the console in this browser, or not recently enough for this step."),
        who=YOU,
        advice=_("Sign in to the console, then repeat what you were doing."),
    ),
    "admin_not_allowed": ErrorText(
        title=_("This part of the console is not open to you"),
        detail=_("You are not named as an administrator of what you wanted to open or to change."),
        who=OPERATOR,
        advice=_("Go back to your own connections, or ask the operator to name you as their administrator."),
    ),
    "admin_link_invalid": ErrorText(
        title=_("This link into the console is no longer valid"),
        detail=_("Such a link works once and within 15 minutes."),
        who=OPERATOR,
        advice=_("Make a new one with hotline-bridge admin link and open it at once."),
    ),
}

_IDENTITY_PROVIDER: Final = {
    "idp_error": ErrorText(
        title=_("Your company did not confirm the sign-in"),
        detail=_("Your company's sign-in service refused the request, or the sign-in was cancelled there."),
        who=ADMINISTRATOR,
        advice=_("Try again. If it is refused once more, send the details below to your administrator."),
    ),
    "idp_unreachable": ErrorText(
        title=_("Your company's sign-in service is not answering"),
        detail=_("We asked it and got no answer in time. Colleagues who are already signed in can keep working."),
        who=ADMINISTRATOR,
        advice=_("Wait a moment and try again. If it lasts, tell your administrator."),
    ),
    "idp_answer_invalid": ErrorText(
        title=_("Your company's sign-in service gave an answer we cannot use"),
        detail=_("The answer does not follow the rules that protect your account, so we did not sign you in."),
        who=ADMINISTRATOR,
        advice=_("Send the details below to your administrator, who should check the connection's settings."),
    ),
    "id_token_invalid": ErrorText(
        title=_("We could not verify who you are"),
        detail=_("The proof of identity from your company's sign-in service did not pass our security checks."),
        who=ADMINISTRATOR,
        advice=_("Try once more. If it fails again, your administrator should check issuer, client ID and clock."),
    ),
    "userinfo_invalid": ErrorText(
        title=_("We could not read your company profile"),
        detail=_("You were signed in, but the profile your company sent is unreadable or belongs to someone else."),
        who=ADMINISTRATOR,
        advice=_("Send the details below to your administrator, who should check the UserInfo endpoint."),
    ),
}

_PERSON: Final = {
    "tenant_not_allowed": ErrorText(
        title=_("This organization may not sign in here"),
        detail=_("The account you used belongs to another organization, or it is a personal account."),
        who=YOU,
        advice=_("Use your work account. If that is the one you used, ask your administrator to admit it."),
    ),
    "mapping_field_missing": ErrorText(
        title=_("Your profile does not say which agent you are"),
        detail=_("We find your agent account by one field of your company profile. In your profile it is missing."),
        who=ADMINISTRATOR,
        advice=_("Ask your administrator to fill in this field, or to choose another mapping field."),
    ),
    "agent_unknown": ErrorText(
        title=_("You are not an agent of this contact center yet"),
        detail=_("Your company account is fine, but the contact center has no agent with your account name."),
        who=ADMINISTRATOR,
        advice=_("Ask your administrator to create the agent with exactly this account name."),
    ),
    "agent_frozen": ErrorText(
        title=_("Your agent account is frozen"),
        detail=_("The contact center knows you, but your agent account has been suspended there."),
        who=ADMINISTRATOR,
        advice=_("Ask your administrator to unfreeze the agent account, then sign in again."),
    ),
    "agent_mismatch": ErrorText(
        title=_("The contact center took you for someone else"),
        detail=_("It opened the phone of another agent than the one your company named, so we closed it again."),
        who=ADMINISTRATOR,
        advice=_("Your administrator should check that both sides use the same mapping field."),
    ),
}

_CONTACT_CENTER: Final = {
    "exchange_rejected": ErrorText(
        title=_("The contact center refused the sign-in"),
        detail=_("Your company confirmed who you are, but the contact center did not open the phone for you."),
        who=ADMINISTRATOR,
        advice=_(
            "Ask your administrator whether an agent with your account name exists and is not frozen, "
            "and send the details below."
        ),
    ),
    "exchange_unreachable": ErrorText(
        title=_("The contact center is not answering"),
        detail=_("Your company confirmed who you are, but the contact center did not answer in time."),
        who=OPERATOR,
        advice=_("Wait a moment and try again. Calls that are up are not affected."),
    ),
    "exchange_answer_invalid": ErrorText(
        title=_("The contact center gave an answer we cannot use"),
        detail=_("Instead of opening the phone it sent something else, for example a maintenance page."),
        who=OPERATOR,
        advice=_("Try again in a few minutes. If it lasts, send the details below to the operator."),
    ),
}

_SESSION: Final = {
    "session_missing": ErrorText(
        title=_("You are not signed in"),
        detail=_("There is no sign-in in this browser, or this site's cookies were deleted."),
        who=YOU,
        advice=_("Sign in with your company account."),
    ),
    "session_ended": ErrorText(
        title=_("Your session has ended"),
        detail=_("You signed out, the session reached its time limit, or an administrator ended it."),
        who=YOU,
        advice=_("Sign in again to go on working."),
    ),
    "logout_token_invalid": ErrorText(
        title=_("This logout notice cannot be trusted"),
        detail=_("A logout token came that did not pass its checks, so nobody was signed out by it."),
        who=ADMINISTRATOR,
        advice=_("Check the back-channel logout address and the client of this service at the identity provider."),
    ),
    "sign_in_loop": ErrorText(
        title=_("Your browser does not keep the sign-in"),
        detail=_(
            "You were signed in several times in a row, and each time the browser came back without the session's"
            " cookie."
        ),
        who=_("You, or whoever set up this address"),
        advice=_(
            "Allow cookies for this site and close private windows. If that does not help, ask support whether you"
            " opened the address that this service was set up for."
        ),
    ),
    "cookies_refused": ErrorText(
        title=_("Your browser keeps no cookies for this site"),
        detail=_("Without them nobody can be signed in: each page would have forgotten the one before."),
        who=YOU,
        advice=_("Allow cookies for this site in the browser's settings, then try again."),
    ),
    "login_required": ErrorText(
        title=_("Please sign in again"),
        detail=_("Your company wants you to confirm who you are before the phone can go on."),
        who=YOU,
        advice=_("Sign in again with your company account. It usually takes one click."),
    ),
}

_OURSELVES: Final = {
    "store_unavailable": ErrorText(
        title=_("A short interruption on our side"),
        detail=_("The part that remembers sign-ins cannot be reached right now. You have not been signed out."),
        who=OPERATOR,
        advice=_("Wait a moment and try again. A call that is up is not affected."),
    ),
    "internal_error": ErrorText(
        title=_("Something went wrong on our side"),
        detail=_("This is a fault of the service, not yours. It was recorded under the reference below."),
        who=OPERATOR,
        advice=_("Try again. If it happens again, give the reference to the operator."),
    ),
}

_TEXTS: Final = {
    **_REQUEST,
    **_CONNECTION,
    **_API,
    **_CONSOLE,
    **_IDENTITY_PROVIDER,
    **_PERSON,
    **_CONTACT_CENTER,
    **CONTACT_CENTER_API,
    **_SESSION,
    **_OURSELVES,
}


def explain(code: str) -> ErrorText:
    """Return the account of an error code; an unknown code is told as a fault of our own."""
    return _TEXTS.get(code, _TEXTS["internal_error"])


def explained_codes() -> frozenset[str]:
    """Return every code that has a text of its own."""
    return frozenset(_TEXTS)
