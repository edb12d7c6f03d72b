"""How the operator's file becomes values: the only room that knows TOML.

Owns the tables and keys (``sections``, ``tables``), how one value is read (``values``, ``addresses``), how a table is
read with every fault of it (``reading``), how connections are put together (``assembling``), what must hold between
keys (``rules``), what is allowed but doubtful (``doubts``), connections that come from elsewhere than the file of the
start (``drafting``), and the way back from a connection to its tables (``writing``). ``bridge.settings`` is its only
door.
"""
