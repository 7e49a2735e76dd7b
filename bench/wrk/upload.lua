-- A request with 1 MiB of body.
require "report"
wrk.method = "POST"
wrk.body = string.rep("0123456789abcdef", 65536)
