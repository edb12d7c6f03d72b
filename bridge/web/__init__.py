"""The front desks, one file a caller: agents in a browser (``agent``, ``softphone``) and probes (``health``).

A view reads the request, calls one verb of the road and renders; it decides nothing and catches nothing. No file here
knows another.
"""
