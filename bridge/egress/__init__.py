"""Sockets to the outside: which ``addresses`` may be reached, the ``lines`` to them, and their ``certificates``.

Knows nothing of requests and answers; ``outbound`` alone sends something over what is opened here.
"""
