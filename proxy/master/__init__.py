"""The life of the process: assemble, bind, daemonise, write the pid, chroot, drop privileges, serve, stop.

One module per step; `lifecycle` is their order. Whatever fails before the process serves raises StartError, after which
nothing is left open and the old processes named by -sf/-st have their addresses back. `assemble` is shared with `testing`,
which starts the same thing inside another program and takes none of the other steps. `workers` is what there is besides
where `nbthread` asks for several processes.

    configured --assemble--> assembled --bind--> bound --open--> opened --start--> serving
    serving --soft_stop (USR1)--> stopping --last session over, or hard-stop-after--> stopped        exit 0
    serving --hard_stop (TERM, INT)--> stopped                                                       dies by the signal
"""
