"""Side by side: HAProxy, pyproxy and nginx on the same machine, in the same run, under the same load.

`rows` says what is measured, as a table. `configurations` writes one haproxy.cfg a row, the same for every program that reads it,
and its nginx likeness. `programs` starts and ends processes, `procfs` reads what they used, `loads` drives them, `measures` makes
one figure of one turn, `rounds` puts the turns in the order A B B A. `figures` (medians, ratios), `table`, `chart` and `results`
only compute: they touch no process.

The proxy has one core for itself; load, servers and this program share the others. CPU is user plus system time of the proxy's
whole process tree, so that a machine busy with something else disturbs it little.
"""
