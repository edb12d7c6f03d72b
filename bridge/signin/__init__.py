"""The main road: what comes after what in a sign-in.

Owns the verbs begin, complete, renew and end (``flow``), the sign-in that is under way in a browser (``pending``), what
is remembered of a signed-in agent (``agent_session``) and of a browser (``browser_session``). Knows no Flask.
"""
