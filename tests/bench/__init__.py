"""The benchmark: what a sign-in and a request cost, the bridge beside its peers, in one run.

Owns what stands around (``stage``): a lean identity provider and exchange (``upstream``) behind a delay line
(``line``), certificates of its own (``certificates``); the relying parties as processes (``parties``, ``processes``,
``world``): the bridge (``bridges``), express-openid-connect (``express``), mod_auth_openidc (``apache``), Flask and
Authlib (``flasks``, ``plain``) and a view that does nothing (``bare``); a browser (``browser``) and a load from a
second process (``load``); the measuring (``measures``, ``start``, ``footprint``) and the telling (``report``,
``targets``).
``python -m tests.bench`` runs it, with ``--profile`` it says where the bridge's CPU goes (``profiling``,
``profiled``), ``python -m tests.bench.memory`` runs long. ``python -m tests.bench.model`` measures how many workers and
threads the bridge wants (``crowd``, ``slow``, ``tuned``, ``model_report``). All stays on loopback and is removed at the
end, but ``build/peers``.
"""
