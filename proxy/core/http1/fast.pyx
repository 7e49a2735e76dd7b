# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of fast.py: see there for what is promised.

One walk over the octets checks every line and keeps where names and values lie. The fields that frame a message are settled on the
way in the forms that are nearly all traffic; a head with any other form of one of them, or with a rarer hop-by-hop field, goes to
`facts` as a list of pairs, like every head of the pure reader.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcmp, memcpy

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.facts import BAD_GATEWAY, request_head, response_head
from proxy.core.http1.tables import TCHARS

from proxy.core.http1.head cimport SPANS_MAX, Head, RequestHead, ResponseHead, Span
from proxy.core.http1.limits cimport Limits

cdef extern from "strings.h":
    int strncasecmp(const char*, const char*, size_t) noexcept nogil

cdef enum:
    IS_TOKEN = 1
    IS_TARGET = 2
    IS_TEXT = 4
    IS_HOST = 8

cdef unsigned char KIND[256]
for _octet in range(256):
    KIND[_octet] = (
        (IS_TOKEN if _octet in TCHARS else 0)
        | (IS_TARGET if 0x21 <= _octet <= 0x7e and _octet != 0x23 else 0)
        | (IS_TEXT if _octet == 9 or 0x20 <= _octet != 0x7f else 0)
        | (IS_HOST if chr(_octet) in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-" else 0)
    )

cdef enum Special:
    ORDINARY
    HOST
    CONNECTION
    CONTENT_LENGTH
    TRANSFER_ENCODING
    OTHER                       # only `facts` knows what to do with it

cdef enum:
    CLOSE = 1
    KEEP_ALIVE = 2
    LENGTH_DIGITS = 18          # more might not fit a signed counter


cpdef Py_ssize_t end_of_head(bytes octets, Py_ssize_t at, Py_ssize_t bound) except -2:
    cdef Py_ssize_t length = len(octets) - at
    cdef const char* start = PyBytes_AS_STRING(octets) + at
    cdef const char* place = start
    cdef const char* last                       # where the four octets may start at the latest
    if length > bound:
        length = bound
    if at < 0 or length < 4:
        return -1
    last = start + length - 4
    while place <= last:
        place = <const char*>memchr(place, 13, last - place + 1)
        if place == NULL:
            return -1
        if place[1] == 10:
            if place[2] == 13 and place[3] == 10:
                return place - start + at + 2
            place += 1
        place += 1
    return -1


cdef Special special_in(const char* name, Py_ssize_t length) noexcept:
    """What a field name means to this hop."""
    if length == 4:
        if strncasecmp(name, b"host", 4) == 0:
            return HOST
    elif length == 10:
        if strncasecmp(name, b"connection", 10) == 0:
            return CONNECTION
        if strncasecmp(name, b"keep-alive", 10) == 0:
            return OTHER
    elif length == 14:
        if strncasecmp(name, b"content-length", 14) == 0:
            return CONTENT_LENGTH
        if strncasecmp(name, b"http2-settings", 14) == 0:
            return OTHER
    elif length == 17:
        if strncasecmp(name, b"transfer-encoding", 17) == 0:
            return TRANSFER_ENCODING
    elif length == 2:
        if strncasecmp(name, b"te", 2) == 0:
            return OTHER
    elif length == 6:
        if strncasecmp(name, b"expect", 6) == 0:
            return OTHER
    elif length == 7:
        if strncasecmp(name, b"upgrade", 7) == 0 or strncasecmp(name, b"trailer", 7) == 0:
            return OTHER
    elif length == 12:
        if strncasecmp(name, b"max-forwards", 12) == 0:
            return OTHER
    elif length == 16:
        if strncasecmp(name, b"proxy-connection", 16) == 0:
            return OTHER
    return ORDINARY


cdef int connection_wish(const char* value, Py_ssize_t length) noexcept:
    """CLOSE or KEEP_ALIVE for the spellings that are nearly all traffic, else -1."""
    if length == 10 and strncasecmp(value, b"keep-alive", 10) == 0:
        return KEEP_ALIVE
    if length == 5 and strncasecmp(value, b"close", 5) == 0:
        return CLOSE
    return -1


cdef long long plain_length(const char* digits, Py_ssize_t length) noexcept:
    """The number these are, or -1 for what is not a few digits."""
    cdef long long number = 0
    cdef Py_ssize_t place
    if length < 1 or length > LENGTH_DIGITS:
        return -1
    for place in range(length):
        if digits[place] < 48 or digits[place] > 57:
            return -1
        number = number * 10 + digits[place] - 48
    return number


cdef bint is_plain_host(const unsigned char* host, Py_ssize_t length) noexcept:
    """Letters, digits, ".", "_", "-", then perhaps a port."""
    cdef Py_ssize_t place = 0
    cdef int port = 0
    while place < length and KIND[host[place]] & IS_HOST:
        place += 1
    if place == length:
        return True
    if host[place] != 58 or length - place > 6:
        return False
    place += 1
    while place < length and 48 <= host[place] <= 57:
        port = port * 10 + host[place] - 48
        place += 1
    return place == length and port <= 65535


cdef inline bint is_text(const unsigned char* octets, Py_ssize_t length) noexcept:
    """What field values are made of: no control octets but tabs. Eight octets at a time, and the last ones one by one."""
    cdef uint64_t word, controls, deletes
    cdef Py_ssize_t place = 0, step
    while length - place >= 8:
        memcpy(&word, octets + place, 8)
        controls = (word - <uint64_t>0x2020202020202020) & ~word            # below 0x20: the high bit of that octet
        deletes = word ^ <uint64_t>0x7f7f7f7f7f7f7f7f                       # 0x7f: an octet of nought
        deletes = (deletes - <uint64_t>0x0101010101010101) & ~deletes
        if (controls | deletes) & <uint64_t>0x8080808080808080:
            for step in range(place, place + 8):
                if not KIND[octets[step]] & IS_TEXT:
                    return False
        place += 8
    while place < length:
        if not KIND[octets[place]] & IS_TEXT:
            return False
        place += 1
    return True


cdef struct Line:
    int name
    int name_end
    int value
    int value_end
    Py_ssize_t next


cdef bint read_line(const unsigned char* octets, Py_ssize_t at, Py_ssize_t end, Line* line) noexcept:
    """One plain field line of octets[at:end]; False for anything else."""
    cdef Py_ssize_t place = at, stop
    cdef const unsigned char* lf
    while place < end and KIND[octets[place]] & IS_TOKEN:
        place += 1
    if place == at or place >= end or octets[place] != 58:
        return False
    line.name, line.name_end = <int>at, <int>place
    place += 1
    while place < end and (octets[place] == 32 or octets[place] == 9):
        place += 1
    line.value = <int>place
    lf = <const unsigned char*>memchr(octets + place, 10, end - place)
    if lf == NULL or lf == octets + place:
        return False
    stop = lf - octets - 1                      # place <= stop < end
    if octets[stop] != 13:
        return False
    line.next = stop + 2
    if not is_text(octets + place, stop - place) or octets[stop - 1] == 32 or octets[stop - 1] == 9:     # there is a colon before `stop`
        return False
    line.value_end = <int>stop
    return True


cdef enum:
    NOT_PLAIN = 0               # another reader's business
    SETTLED = 1                 # spans and facts are in the head
    TO_SETTLE = 2               # every line is plain, but `facts` has to look


cdef struct Facts:
    int hosts
    Line host
    int wish                    # CLOSE, KEEP_ALIVE, 0


cdef int read_fields(Head head, bytes raw, Py_ssize_t at, Py_ssize_t end, bint is_request, Facts* facts) noexcept:
    """Walk over the field lines of raw[at:end], which ends with CRLF. Fills the spans of the head, its framing, and `facts`."""
    cdef const unsigned char* octets = <const unsigned char*>PyBytes_AS_STRING(raw)
    cdef Line line
    cdef Special special
    cdef Span* span
    cdef int count = 0, verdict = SETTLED, wishes = 0
    cdef long long number
    facts.hosts = 0
    facts.wish = 0
    while at < end:
        if not read_line(octets, at, end, &line):
            return NOT_PLAIN
        at = line.next
        special = special_in(<const char*>octets + line.name, line.name_end - line.name)
        if special == HOST and is_request:
            facts.hosts += 1
            facts.host = line
        elif special == CONNECTION:
            wishes += 1
            facts.wish = connection_wish(<const char*>octets + line.value, line.value_end - line.value)
            if facts.wish < 0 or wishes > 1:
                verdict = TO_SETTLE
            continue
        elif special == CONTENT_LENGTH:
            number = plain_length(<const char*>octets + line.value, line.value_end - line.value)
            if number < 0 or head.content_length >= 0 or head.chunked:
                verdict = TO_SETTLE
            head.content_length = number
            continue
        elif special == TRANSFER_ENCODING:
            if head.chunked or head.content_length >= 0 or not head.version_minor or line.value_end - line.value != 7 \
                    or memcmp(octets + line.value, b"chunked", 7) != 0:
                verdict = TO_SETTLE
            head.chunked = True
            continue
        elif special == OTHER:
            verdict = TO_SETTLE
            continue
        if count == SPANS_MAX:
            verdict = TO_SETTLE
        else:
            span = &head._spans[count]          # count < SPANS_MAX
            span.name, span.name_end, span.value, span.value_end = line.name, line.name_end, line.value, line.value_end
            count += 1
    head._octets = raw
    head._count = count
    return verdict


cdef Py_ssize_t count_lines(const unsigned char* octets, Py_ssize_t at, Py_ssize_t end) noexcept:
    cdef Py_ssize_t count = 0
    cdef const unsigned char* lf
    while at < end:
        lf = <const unsigned char*>memchr(octets + at, 10, end - at)
        if lf == NULL:
            break
        count += 1
        at = lf - octets + 1
    return count


cdef list pairs_of(bytes raw, Py_ssize_t at, Py_ssize_t end):
    """The field lines of raw[at:end], all of them plain, as pairs."""
    cdef const unsigned char* octets = <const unsigned char*>PyBytes_AS_STRING(raw)
    cdef Line line
    cdef list pairs = []
    while at < end and read_line(octets, at, end, &line):
        at = line.next
        pairs.append((
            PyBytes_FromStringAndSize(<const char*>octets + line.name, line.name_end - line.name),
            PyBytes_FromStringAndSize(<const char*>octets + line.value, line.value_end - line.value),
        ))
    return pairs


cpdef RequestHead read_plain_request(bytes octets, Py_ssize_t at, Py_ssize_t end, Limits limits):
    cdef const unsigned char* start
    cdef Py_ssize_t place = at, target, after
    cdef int verdict, minor
    cdef Facts facts
    cdef RequestHead head
    cdef bytes method_text, target_text
    if at < 0 or end > len(octets) or end > 0x7fffffff:
        raise ValueError("no such octets")
    start = <const unsigned char*>PyBytes_AS_STRING(octets)
    while place < end and KIND[start[place]] & IS_TOKEN:
        place += 1
    if place == at or place >= end or start[place] != 32:
        return None
    target = place + 1
    place = target
    while place < end and KIND[start[place]] & IS_TARGET:
        place += 1
    if place == target or end - place < 11 or memcmp(start + place, b" HTTP/1.", 8) != 0 or start[place + 9] != 13 \
            or start[place + 10] != 10 or not 48 <= start[place + 8] <= 49:
        return None
    minor = start[place + 8] - 48
    after = place + 11
    method_text = PyBytes_FromStringAndSize(<const char*>start + at, target - 1 - at)
    target_text = PyBytes_FromStringAndSize(<const char*>start + target, place - target)
    head = RequestHead.__new__(RequestHead)
    head.version_minor = minor
    verdict = read_fields(head, octets, after, end, True, &facts)
    if verdict == NOT_PLAIN:
        return None
    if end - after > 4 * limits.fields and count_lines(start, after, end) > limits.fields:
        raise RemoteProtocolError("too many fields", 431)
    if verdict == TO_SETTLE or facts.hosts != 1 or start[target] != 47 or method_text == b"CONNECT" \
            or not is_plain_host(start + facts.host.value, facts.host.value_end - facts.host.value) \
            or (not minor and (head.chunked or head.content_length > 0)):
        return request_head(method_text, target_text, minor, pairs_of(octets, after, end), limits)
    head.method = method_text
    head.target = target_text
    head.host = PyBytes_FromStringAndSize(<const char*>start + facts.host.value, facts.host.value_end - facts.host.value)
    head.keep_alive = facts.wish != CLOSE if minor else facts.wish == KEEP_ALIVE
    return head


cpdef ResponseHead read_plain_response(bytes octets, Py_ssize_t at, Py_ssize_t end, Limits limits, bytes request_method):
    cdef const unsigned char* start
    cdef const unsigned char* lf
    cdef Py_ssize_t place, after
    cdef int verdict, minor, status
    cdef Facts facts
    cdef ResponseHead head
    cdef bytes reason
    if at < 0 or end > len(octets) or end > 0x7fffffff:
        raise ValueError("no such octets")
    start = <const unsigned char*>PyBytes_AS_STRING(octets)
    # "HTTP/1.1 200 " and CRLF
    if end - at < 15 or memcmp(start + at, b"HTTP/1.", 7) != 0 or not 48 <= start[at + 7] <= 49 or start[at + 8] != 32 \
            or not 49 <= start[at + 9] <= 57 or not 48 <= start[at + 10] <= 57 or not 48 <= start[at + 11] <= 57 \
            or start[at + 12] != 32:
        return None
    minor = start[at + 7] - 48
    status = (start[at + 9] - 48) * 100 + (start[at + 10] - 48) * 10 + start[at + 11] - 48
    place = at + 13
    lf = <const unsigned char*>memchr(start + place, 10, end - place)
    if lf == NULL or lf == start + place:
        return None
    after = lf - start + 1                      # place + 2 <= after <= end
    if start[after - 2] != 13:
        return None
    if not is_text(start + place, after - 2 - place):
        return None
    reason = PyBytes_FromStringAndSize(<const char*>start + place, after - 2 - place)
    head = ResponseHead.__new__(ResponseHead)
    head.version_minor = minor
    verdict = read_fields(head, octets, after, end, False, &facts)
    if verdict == NOT_PLAIN:
        return None
    if end - after > 4 * limits.fields and count_lines(start, after, end) > limits.fields:
        raise RemoteProtocolError("too many fields", BAD_GATEWAY)
    if verdict == TO_SETTLE or status < 200 or status == 204 or (status < 300 and request_method == b"CONNECT"):
        return response_head(minor, status, reason, pairs_of(octets, after, end), request_method)
    head.status = status
    head.reason = reason
    head.keep_alive = facts.wish != CLOSE if minor else facts.wish == KEEP_ALIVE
    if status == 304 or request_method == b"HEAD":
        head.no_body = True
    elif not head.chunked and head.content_length < 0:
        head.keep_alive = False
    return head
