"""What to change when a step of a rehearsal failed: one sentence for each way in which it can fail.

Owns the rules of both sides (``provider``, ``contact_center``), how one is chosen (``rule``), and the one verb,
``advise.advise``. Pure: a connection and a step in, a sentence out.
"""
