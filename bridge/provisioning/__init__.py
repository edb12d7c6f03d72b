"""How agents come into the contact center: one by one at their first sign-in, or many at once."""
