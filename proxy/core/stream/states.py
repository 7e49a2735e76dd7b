"""How far a stream has come, and what its termination letters are before anything is known."""

ASSIGNING = 0
QUEUED = 1
CONNECTING = 2
WAITING = 3                 # for the turn-around of a server that refused
ESTABLISHED = 4
CLOSED = 5
AWAITING_BODY = 6               # the request's body is to be whole, or to fill a buffer, before a server is chosen

NO_FLAG = ord("-")
