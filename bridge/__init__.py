"""hotline-bridge: company sign-in for the hotline of Alibaba Cloud's Intelligent Contact Center.

The road of a sign-in, in order: ``web/agent`` → ``signin/flow`` → ``connections`` → ``upstream`` → (the company's
identity provider) → ``web/agent`` → ``upstream`` → ``core/mapping`` → ``fuyun`` → ``signin/agent_session`` →
``web/softphone``. Imports go down only; ``app.py`` is the one place where rooms are joined.
"""

__version__ = "0.2.0"
