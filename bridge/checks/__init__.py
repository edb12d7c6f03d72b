"""What an operator wants to know before the first agent comes: everybody who is needed is asked, each answer judged.

`round` asks all at once and keeps the time; `connection` asks for one customer; each other file
knows one neighbour.
"""
