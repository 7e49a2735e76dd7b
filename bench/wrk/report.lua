-- What every script shares: threads know their number, and the end is one line that bench.loads reads.
local number = 0

function setup(thread)
    number = number + 1
    thread:set("number", number)
end

function done(summary, latency, requests)
    local errors = summary.errors
    print(string.format("BENCH requests=%d duration_us=%d bytes=%d connect=%d read=%d write=%d status=%d timeout=%d p50_us=%d p99_us=%d",
        summary.requests, summary.duration, summary.bytes, errors.connect, errors.read, errors.write, errors.status,
        errors.timeout, latency:percentile(50), latency:percentile(99)))
end
