"""Administrators: the console under ``/admin``, one file for each thing that they come for.

Owns the way in (``door``), the list of connections and the acts on one (``connections``), the forms (``editing``,
``forms``), rehearsals and test links (``rehearsals``), the portal sheet (``portal``), and the journal (``records``).
"""
