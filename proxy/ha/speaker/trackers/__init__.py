"""What is tracked, each kind in one module. A tracker reports True, False or a number; None until it knows.

    script   a program's exit status                        process  how many processes of a name run
    file     the number in a file                           proxy    a backend's state, from a proxy's runtime socket

Interfaces are tracked by `speaker.interfaces`.
"""
