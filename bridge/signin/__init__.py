"""The main road: what comes after what in a sign-in.

Owns the verbs begin, complete, recognise, rehearse, renew and end (``flow``), the response that a browser brings back
(``authorization``), the sign-in that is under way in a browser (``pending``), what is remembered of a signed-in agent
(``agent_session``) and of a browser (``browser_session``). Beside the road: what a rehearsal showed (``rehearsal``) and
means (``findings``, ``candidates``, ``checklist``, ``claims``, ``advice``), whether the contact center has the agent
(``agent_check``), and how connections change (``changes``). Knows no Flask.
"""
