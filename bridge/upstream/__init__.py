"""The customers' identity providers: everything that is said to them and believed of them.

Owns discovery and keys (``metadata``), the verbs authorize, redeem, userinfo and refresh (``client``), the checks of
the ID token (``id_token``), who belongs to the customer (``tenant``) and logout at the provider (``logout``). Authlib
and joserfc live here only. Remembers nothing but caches.
"""
