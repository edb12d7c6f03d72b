"""Who may enter the console, and what each administrator may see and change there.

Owns the rules of the configuration's ``[admin]`` table (``rules``), the link that lets the first administrator in
(``links``) and the console's own sessions (``sessions``), which have nothing to do with those of agents.
"""
