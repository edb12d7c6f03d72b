"""What to change so that the person becomes an agent: tenant, mapping field, agent, and Fuyun's portal."""

from __future__ import annotations

from typing import Final

from bridge.core.wording import said
from bridge.signin.advice.rule import PRIVATE, Rule

NO_AGENT: Final = "(NoAgentFound|AgentNotFound|AgentNotExist)"
"""How Fuyun begins to say that it has no such agent."""
FROZEN: Final = "(AgentFrozen|AgentIsFrozen)"
WRONG_CLIENT: Final = "(invalid_client|unauthorized$|HTTP 401)"
WRONG_SCOPE: Final = "invalid_scope"

TENANT: Final = (
    Rule(
        said(
            "The account belongs to the tenant %(received)s. If its people shall sign in, add that ID to the allowed "
            "tenants; otherwise test with a work account of your own organization."
        ),
        kind="microsoft",
    ),
    Rule(
        said(
            "The account belongs to another Salesforce org (%(received)s). Test with an account of your own org, or "
            "correct the organization ID (Setup → Company Information)."
        )
    ),
)

MAPPING: Final = (
    Rule(
        said(
            "This account has no mail address in Microsoft, so that Microsoft leaves email out. Give the account one "
            "(Entra → Users → the person → Contact information → Email), or choose another field below."
        ),
        received="(?!.*email)",
        expected="email$",
        kind="microsoft",
    ),
    Rule(
        said(
            "Microsoft's user endpoint, which Fuyun asks, never has “%(mapping_field)s”: it gives only sub, names, "
            "picture and, where the account has a mailbox, email. Choose one of these below, or use mode jwt."
        ),
        expected=r"(?!email$|sub$|name$|given_name$|family_name$|picture$)",
        kind="microsoft",
        mode="oauth",
    ),
    Rule(
        said(
            "The field “%(mapping_field)s” came, but holds no account name for this person. Fill it in at the "
            "provider, or choose another field below."
        ),
        received=".*; fields: ",
    ),
    Rule(
        said(
            "The provider sent no field “%(mapping_field)s” for this person. Choose one of the fields below, or add "
            "the missing one at the provider; sometimes a further scope brings it (now: %(scope)s)."
        )
    ),
)

AGENT: Final = (
    Rule(
        said(
            "This account had an agent, who was deleted, and nobody gets an agent back by signing in. Create the agent "
            "again with exactly this AccountName, or test with an account that has an agent."
        ),
        codes=("agent_unknown",),
        received="deleted",
        makes_agents=True,
    ),
    Rule(
        said(
            "The contact center has no such agent. The first sign-in makes one, unless the account had an agent "
            "before; a test makes none. To try out the rest of the way too, test with an account that has an agent."
        ),
        codes=("agent_unknown",),
        makes_agents=True,
    ),
    Rule(
        said(
            "The contact center has no such agent. Create one whose AccountName is exactly this text, or test with the "
            "AccountName of an agent that it has."
        ),
        codes=("agent_unknown",),
        kind="none",
    ),
    Rule(
        said(
            "The contact center has no such agent. Create one whose AccountName is exactly this value, or choose "
            "a field below whose value is the agent's AccountName."
        ),
        codes=("agent_unknown",),
    ),
    Rule(
        said("The agent exists, but is frozen. Unfreeze it in the contact center's agent list, then test again."),
        codes=("agent_frozen",),
    ),
    Rule(
        said(
            "The contact center does not accept the access key. Enter a valid AccessKey pair of the Alibaba Cloud "
            "account that owns the instance. Agents could sign in even so; only this check is missing."
        ),
        received="(InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature)",
    ),
    Rule(
        said(
            "The access key may not look at agents. Give its RAM user the right aiccs:GetAgent. Agents could sign in "
            "even so; only this check is missing."
        ),
        received="(NoPermission|Forbidden)",
    ),
    Rule(
        said("The contact center knows no instance “%(instance_id)s”. Copy its ID from the contact center's console."),
        received="NoTenantFound",
    ),
    Rule(
        said(
            "The contact center's OpenAPI gave no good answer. Check the access key, the endpoint and the instance "
            "“%(instance_id)s”, and test again. Agents could sign in even so; only this check is missing."
        )
    ),
)

EXCHANGE: Final = (
    PRIVATE,
    Rule(
        said(
            "Fuyun does not know this client. Copy client_id and client_secret again from the portal's page "
            "Credentials; these are Fuyun's, not those of your identity provider."
        ),
        codes=("exchange_rejected",),
        received=WRONG_CLIENT,
    ),
    Rule(
        said("The scope differs from the portal's. Both must read %(fuyun_scope)s."),
        codes=("exchange_rejected",),
        received=WRONG_SCOPE,
    ),
    Rule(
        said(
            "The contact center has no agent for this account. Create an agent whose AccountName is exactly "
            "“%(account_name)s”, or test with the AccountName of an agent that it has."
        ),
        codes=("exchange_rejected",),
        received=NO_AGENT,
        kind="none",
    ),
    Rule(
        said(
            "The contact center has no agent for this account. Create an agent whose AccountName is exactly "
            "“%(account_name)s”, or choose a field below whose value is the agent's AccountName."
        ),
        codes=("exchange_rejected",),
        received=NO_AGENT,
    ),
    Rule(
        said("The agent is frozen. Unfreeze it in the contact center's agent list, then test again."),
        codes=("exchange_rejected",),
        received=FROZEN,
    ),
    Rule(
        said(
            "Fuyun could not use our signature. In the portal, choose sign-in mode JWT, enter the public key of the "
            "portal sheet, and as iss exactly “%(jwt_issuer)s”. If all that is right, check that an agent "
            "“%(account_name)s” exists."
        ),
        codes=("exchange_rejected",),
        mode="jwt",
    ),
    Rule(
        said(
            "Fuyun could not use the provider's token. In the portal, check that the App Name is exactly "
            "“%(app_name)s”, that the sign-in mode is OAuth, that user endpoint, mapping field, callback URL and scope "
            "are those of the portal sheet, and that an agent “%(account_name)s” exists."
        ),
        codes=("exchange_rejected",),
    ),
    Rule(
        said("Fuyun gave no answer. If the token exchange address is right, test again in a few minutes."),
        codes=("exchange_unreachable",),
    ),
    Rule(
        said(
            "What answers at the token exchange address is not Fuyun's token exchange. Check the address; the usual "
            "one is https://signin.rhinokeen.com/oauth/token_exchange"
        )
    ),
)

USER_NAME: Final = (
    Rule(
        said(
            "Fuyun answered for another agent than “%(account_name)s”, which the signature named. Show this page to "
            "Fuyun's support: nobody may use this connection until it is cleared up."
        ),
        kind="none",
    ),
    Rule(
        said(
            "Fuyun took the person for another agent: here the field “%(mapping_field)s” gives “%(account_name)s”, in "
            "the portal the mapping field must be another one. Enter the same field on both sides."
        )
    ),
)
