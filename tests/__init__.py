"""The tests; a package, since another distribution of the development environment brings a `tests` of its own."""
