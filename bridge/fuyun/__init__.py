"""Fuyun, the identity service of the contact center: what it is given and what it answers.

Owns the two strategies of the subject token (``subject``) and the token exchange (``exchange``). Fuyun's own spelling
of the protocol stays in here.
"""
