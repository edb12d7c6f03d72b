"""The benchmark: what a sign-in and a request cost, the bridge beside plain Flask + Authlib, in one run.

Owns a lean identity provider and exchange (``upstream``) behind a delay line (``line``), certificates of its own
(``certificates``), the relying parties as processes (``parties``, ``processes``, ``plain``), a browser (``browser``),
a load from a second process (``load``), the measuring (``measures``) and the telling (``report``).
``python -m tests.bench`` runs it; everything stays on loopback and is removed at the end.
"""
