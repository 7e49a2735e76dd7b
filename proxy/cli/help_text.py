"""`-h`: the command line explained to someone who sees it for the first time."""

from __future__ import annotations

USAGE = """\
Usage : pyproxy -f <cfgfile|cfgdir> [-f ...] [-c] [-D] [-p <pidfile>] [-sf <pid>*] [more]
        pyproxy demo             a balanced web site and its statistics page, to look at
        pyproxy -h               every option explained
"""

HELP = """\
pyproxy runs a haproxy.cfg: a load balancer for HTTP and TCP.

First steps
  pyproxy demo                   two small web servers and a load balancer in front of them
  pyproxy -c -f haproxy.cfg      is this configuration valid?
  pyproxy -f haproxy.cfg         run it here; Ctrl-C ends it
  pyproxy -D -f haproxy.cfg -p /run/pyproxy.pid                               run it in the background
  pyproxy -D -f haproxy.cfg -p /run/pyproxy.pid -sf $(cat /run/pyproxy.pid)   reload it, losing no connection

Configuration
  -f <file|directory>   read this file, or the *.cfg files of this directory in C order; may be repeated
  -- <file>...          all words that follow are configuration files
  -C <directory>        go there first
  -c                    check the configuration and exit: 0 valid, 1 errors, 2 valid but nothing to listen on
  -cc <condition>       evaluate a condition of '.if' and exit: 0 true, 1 false, 2 no valid condition
  -n <number>           connections in all (overrides 'maxconn' in global)
  -N <number>           connections of each proxy that has no 'maxconn'
  -L <name>             the name of this peer ($HAPROXY_LOCALPEER)
  -dr                   go on when the address of a server does not resolve
  -dW                   a warning is an error
  -dD                   warn about more that looks suspicious
  -dC[key]              print the configuration as it was understood (names replaced if a key is given)
  -dL                   list the files of machine code that are loaded
  -dK<class>            list what the configuration language knows: -dKall, or -dKhelp for the classes

Process
  -W, -Ws               a master that reloads on USR2 and HUP, and a worker that serves
  -S <address>[,<word>] where the master takes commands: -S /run/pyproxy-master.sock; then: echo reload | nc -U ...
  -D                    become a daemon
  -dS                   copy all octets: no splicing (as 'nosplice')
  -db                   stay in the foreground, whatever the configuration says
  -d                    the same, and show who connects, what is asked and answered, and where in the program a fault was
  -p <file>             write the process id there
  -sf <pid>...          once started, let these old processes finish their connections (SIGUSR1)
  -x <socket>           get listening sockets from the process with this stats socket ('expose-fd listeners')
  -st <pid>...          once started, end these old processes (SIGTERM)
  -q                    say nothing
  -V                    say it after all, and what the program that starts is made of
  -v                    the version          -vv   and what it was built with

Signals: USR1 stops listening and ends with the last connection. TERM and INT end at once. HUP shows the state of every server.
TTOU and TTIN pause and resume listening. A master (-W) reloads the configuration on USR2 and HUP.

Accepted, with a warning that they do nothing here: -m <MB>, -4, -dR, -dV, -dA.
Accepted, for what they tune does not exist here: -de -dp -dk -dv -dc -dG -dS -dF -dZ -dI -dT -dM[byte] -dt...
"""
