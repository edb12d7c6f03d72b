"""Where sessions are kept: one small interface, a database or Redis behind it; neither can open what it holds."""
