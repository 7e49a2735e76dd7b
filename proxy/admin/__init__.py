"""Commands over sockets: the runtime API (`stats socket`) and what a master's socket (`-S`) shares with it.

    socket ─▶ CommandSockets ─lines─▶ Conversation ─commands─▶ Commands (a table: words, level, help, what it does)
                  asyncio              prompt, `;`, `@1`          runtime: a process's; master.mworker.commands: a master's

A connection without `prompt` is for one line: its commands are answered in order, then it ends. An empty line ends each answer.
A line has a limit, a silent connection an end (`stats timeout`), and there are only so many at a time (`stats maxconn`).

Source: HAProxy management guide, section 9.3.
"""
