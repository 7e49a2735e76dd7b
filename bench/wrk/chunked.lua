-- A request with 16 KiB of body in four chunks.
require "report"

local chunk = "1000\r\n" .. string.rep("0123456789abcdef", 256) .. "\r\n"
local whole

function init(args)
    local head = wrk.format("POST", nil, { ["Host"] = "www.example.com", ["Transfer-Encoding"] = "chunked" })
    whole = head .. string.rep(chunk, 4) .. "0\r\n\r\n"
end

function request()
    return whole
end
