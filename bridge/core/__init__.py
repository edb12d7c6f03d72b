"""What has a name and computes, with the standard library only.

Owns the words of the standards (``protocol``), the frozen nouns that cross rooms (``model``), the mapping from UserInfo
to the agent's account (``mapping``), safe landing addresses (``landing``) and the one tree of errors (``errors``).
Knows no Flask, no database and no network.
"""
