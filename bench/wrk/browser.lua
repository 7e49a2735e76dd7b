-- A browser's twelve fields. Each thread keeps to its share of the servers, by their cookie. Arguments: servers, threads.
require "report"

local requests, turn = {}, 0

function init(args)
    local servers, threads = tonumber(args[1] or 1), tonumber(args[2] or 1)
    local headers = {
        ["Host"] = "www.example.com",
        ["Connection"] = "keep-alive",
        ["Cache-Control"] = "max-age=0",
        ["sec-ch-ua"] = '"Chromium";v="120", "Not:A-Brand";v="8"',
        ["Upgrade-Insecure-Requests"] = "1",
        ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
        ["Accept-Encoding"] = "gzip, deflate, br",
        ["Accept-Language"] = "en-US,en;q=0.9,de;q=0.8",
        ["Referer"] = "http://www.example.com/start",
        ["Sec-Fetch-Site"] = "same-origin",
    }
    for server = 1, servers do
        if servers <= threads and (number - 1) % servers == server - 1 or servers > threads and server % threads == number % threads then
            headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; SERVERID=s" .. server
            requests[#requests + 1] = wrk.format("GET", nil, headers)
        end
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end
