"""The statistics: one table of fields, and everything that reads it.

    fields.FIELDS      what each column is called, which rows have it, how it is read, which Prometheus metric it is
    readings           one row of the board at one instant, and the readers of fields
    snapshot           which rows are shown, in HAProxy's order, some at a time
    csv_output, typed_output, json_output, prometheus, page      one form each
    info               the process in numbers ("show info")
    service            the page's URI: options, users, admin form

Invariants: nothing here blocks or holds the event loop for long (every document is an iterator over some rows); nothing here
changes the process save `admin_form`, and that through `actions` only; style and script are read at import, never later.
"""
