"""python -m tests.faults: the table of the figures that the latest runs of `make soak` left."""

from __future__ import annotations

from tests.faults.figures import kept, table

print(table(kept()))
