"""VRRP, versions 2 and 3, without I/O: time is passed in (seconds of a monotonic clock), what is to be done comes out as actions.

    INIT ──start──> BACKUP ──nobody advertises──> MASTER        any ──own fault──> FAULT ──gone──> BACKUP
                       ▲                            │
                       └──a better one advertises───┘           any ──stop──> STOPPED (terminal)

    packet     an advertisement as octets, and every reason to drop one
    router     one virtual router: the state table, its timers, its gratuitous announcements
    actions    what a router asks its surroundings to do
    priority   what is tracked, and what that makes of the configured priority
    group      routers that change state together

Source: RFC 3768 (version 2), RFC 5798 and RFC 9568 (version 3); keepalived.conf(5) for what goes beyond them.
"""
