"""Objects that are made are given back: the interpreter's count of blocks of memory is the same after the same again.

A compiled module that forgets one reference a request would show here, whatever kind the object is of.
"""

from __future__ import annotations

import gc
import sys

import pytest
from playbook import Lab
from test_random_walk import REQUESTS, RESPONSES, Walk

SEEDS = range(24)
NOISE = 100             # blocks: caches of the interpreter; the walks make many thousands


def walk_all(mode: str) -> None:
    for seed in SEEDS:
        walk = Walk(seed, mode)
        for _ in range(120):
            walk.step()
        walk.leave()


def exchange_all() -> None:
    for request in REQUESTS:
        for response in RESPONSES:
            for _ in range(5):
                lab = Lab()
                client = lab.client()
                client.sends(request % 1)
                if lab.asked:
                    server = lab.asked[0].accepted()
                    server.sends(response % 1 if b"%d" in response else response)
                    if not server.closed:
                        server.ends()
                if not client.closed:
                    client.ends()
                lab.advance(60_000)


def blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_walks(mode: str) -> None:
    walk_all(mode)
    before = blocks()
    walk_all(mode)
    assert blocks() - before < NOISE


def test_exchanges() -> None:
    exchange_all()
    before = blocks()
    exchange_all()
    assert blocks() - before < NOISE
