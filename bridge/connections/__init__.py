"""The customers' connections: what is configured, completed and sealed.

Owns the store of connections (``store``), what each kind of identity provider adds (``presets``), the key ring that
seals whatever is kept (``secrets``) and the keys of JWT mode (``keys``). Talks to nobody outside.
"""
