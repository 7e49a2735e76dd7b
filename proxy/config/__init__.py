"""From text to model: source -> grammar -> statements -> keyword table -> frozen dataclasses -> cross-checks.

Nothing here opens a socket or knows the engine; lark is imported here only. Every error of a run is collected and shown
together, HAProxy's own line first.
"""
