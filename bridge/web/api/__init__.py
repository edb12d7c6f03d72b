"""What a platform's own back end asks for, with an API key: tokens, hand-offs, connections, sessions, agents.

Each file describes its operations to a `Desk` of `http.api`, which makes their routes; ``description`` serves the
OpenAPI document that is made of the same descriptions.
"""
