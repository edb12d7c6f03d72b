"""The outside world on one loopback port, played with real HTTP for the demo and the tests.

Owns four identity providers (``idp`` with its ``manners``), Fuyun's token exchange (``fuyun``), a stand-in for the
hotline JS SDK (``sdk``), and the switches that make any of them misbehave (``faults``, ``control``). ``world`` holds
everything that is true out there: people, agents, registrations, keys, tokens and the requests that came in.

    /entra/<tenant>/…  /graph/oidc/userinfo  /salesforce/…  /oidc/…  /oauth2/…      identity providers
    /oauth/token_exchange  /oauth/callback/<app>                                    Fuyun
    /sdk/…                                                                          the SDK's files and its token check
    /  /sandbox/…                                                                   the control desk

Refuses what the real ones must refuse, so a sign-in that works here was a correct one. Keeps everything in memory and
imports none of the rooms it stands in for; `app.create_sandbox` joins it, only the command line and tests open it.
"""
