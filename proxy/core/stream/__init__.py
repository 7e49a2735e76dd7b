"""A stream's life: who gets the request, what is sent on, what becomes of every failure."""
