"""Several workers for one configuration (`nbthread`): processes that share sockets, a board and the count of turns.

                     ┌────────────── master (the pid file's process) ───────────────┐
                     │ Supervisor: starts, ends, replaces workers; signals          │
                     │ Control: checks, name resolution, statistics, what is logged │
                     └───┬───────────────────▲──────────────────────────┬───────────┘
             orders, answers (line)   what was seen,               counts on column 0,
             and their count (board)  questions (line)             clears a dead worker's gauges
                     ┌───▼───────────────────┴──┐   bell    ┌───────────▼──────────────┐
                     │ worker 1: engine.Worker  │◀─────────▶│ worker 2                 │   one event loop each
                     └───┬──────────────────┬───┘           └───┬──────────────────┬───┘
              own socket of each address    own column of the board; reads all, where a limit is for all

| what | who decides | how the others know |
|---|---|---|
| counters | each worker, in its column | readers add the columns up (`runtime.cells`, `runtime.board`) |
| a server's state, weight, address | the master (`runtime.transitions`) | STATE orders, in one order for all (`orders`) |
| round robin | one count of turns for all (`runtime.turn`) | who has a turn follows from its number, and from the orders |
| `%rt` | one count for all | |
| `maxconn` of process, frontend, listener, server | whoever takes the last place | gauges of all columns, looked at before |
| queues | each worker has its own | the head of each is on the board; the oldest is called (`core.queue`, `engine.neighbours`) |
| cookies | nobody: they name the server | |
| idle server connections | each worker has its own | |
| checks, `observe` | the master | workers tell what they see (`observing`) |
| statistics, the admin form, metrics | the master | workers pass questions on (`services`) |
| logs of traffic | each worker, under the master's pid, to the targets opened before the fork | |

Invariants: a cell has one writer; nobody waits for another process, save the kernel's own short locks; a worker that is killed at
any instruction leaves nothing locked, costs its own connections only, and its successor goes on with its counters. A limit may be
exceeded by as many as there are other workers, by those who took the last place in the same instant.

Left out on purpose: one process needs none of this (`assemble.Instance`), and embedding is always one process.
"""
