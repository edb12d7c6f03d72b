"""The load test: a shift's agents sign in at three replicas behind nginx, over one Redis and one PostgreSQL.

Owns what is started (``world``, ``nginx``, ``upstream``), the agents' browsers (``wire``, ``agent``), the course of the
shift (``course``), what is counted (``tally``, ``census``, ``stores``) and the telling (``report``, ``growth``).
``python -m tests.load`` runs it; everything stays on loopback and is removed at the end.
"""
