"""Master-worker mode (`-W`, `-Ws`, `master-worker`): a master that never serves, a worker for each configuration it has loaded.

    service manager ◀─READY, RELOADING, STOPPING─ master ◀─line─▶ worker: what pyproxy is without -W (`master.lifecycle`);
    operator ─USR2, HUP, TERM, the master socket──▶ │                     with `nbthread N` it has N processes below it
                                                    └───line─▶ worker of the configuration before: finishes its streams, leaves

The first worker is a fork of the process that has read the configuration; each further one is a new program
(`-sf <old pid> -x sockpair@<line>` before the words that the master was started with), so that a reload also runs what has been
installed since. It reads the configuration, takes the listening sockets and the counters of the old worker over
(`engine.handover`), and says READY over the line when it serves. Only then is the old one told to finish. A worker that does not
get that far ends with its own messages, and nothing has happened.

| master | what happens | what it does |
|---|---|---|
| starting | READY | writes the pid file, READY=1 → serving |
| starting | the worker ended | ends, with status 1 |
| serving | USR2, HUP, `reload` | RELOADING=1, starts a worker → loading |
| loading | USR2, HUP, `reload` | one more reload follows this one |
| loading | READY | USR1 to the old worker, TERM to those older than `mworker-max-reloads`, READY=1 → serving |
| loading | the new worker ended | tells, READY=1 → serving with the old one |
| serving, loading | the current worker ended | TERM to all → stopping with its status; `no-exit-on-failure`: waits for reload |
| any | TERM, INT, USR1 | passed on to all workers, STOPPING=1 → stopping |
| stopping | the last worker ended | ends: 0 after TERM and USR1, 130 after INT, else the status of the worker that failed |
| any | killed | every worker sees the end of its line and finishes as after USR1; nothing stays bound |

| worker | line |
|---|---|
| starting | says what it has to tell, also to the master |
| serves | READY with its version and what the configuration says of the master; answers commands of the master socket |
| line ended | soft stop; `hard-stop-after` limits it |

A killed process of `nbthread N` is replaced by the worker (`master.workers`); the master hears nothing of it.

Source: HAProxy management guide, sections 3 and 4; configuration manual 3.1, "master-worker", "mworker-max-reloads".
"""
