"""What every answer has, whoever asked: session cookie, CSRF, language, security headers, problem documents.

Owns Flask-Session's subclass (``session``), the checks before a view (``guard``), parameters (``parameters``), cookies
of sign-ins (``cookies``), refusals as pages or RFC 9457 problems (``problem``), their texts (``texts``), headers
(``headers``) and the language (``language``). Has no route of its own but the language switch.
"""
