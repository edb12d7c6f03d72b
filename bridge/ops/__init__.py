"""What operators see: the journal of events, logs, metrics and health.

Owns the one call that records an event (``journal``), the log format with redaction (``logs``) and the counters
(``metrics``). Decides nothing.
"""
