"""The contact center's OpenAPI (product aiccs, version 2019-10-15): what the bridge asks it about agents.

Nothing outside this room imports the vendor's SDK, and nothing inside imports it before the first call.
"""
