"""A simulated shift: many phones for ten hours, with every trouble that a day can bring; ``python -m tests.shift``."""
