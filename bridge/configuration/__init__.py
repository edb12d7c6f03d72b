"""How the operator's file becomes values: the only room that knows TOML.

Owns the tables and keys (``sections``, ``tables``), how one value is read (``values``, ``addresses``), how a table is
read with every fault of it (``reading``), what must hold between keys (``rules``), what is allowed but doubtful
(``doubts``) and the documentation of all keys (``reference``). ``bridge.settings`` is its only door.
"""
