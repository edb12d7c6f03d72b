"""Sockets to the outside: which ``addresses`` may be reached, the ``lines`` to them, and their ``certificates``.

How calls are spared what helps nobody: a ``breaker`` a host, a ``hurry`` a thread; ``trust`` and the words for
``faults``. Knows nothing of requests and answers; ``outbound`` alone sends something over what is opened here.
"""
