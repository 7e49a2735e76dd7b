-- A connection an exchange: the server closes after each answer.
require "report"
wrk.headers["Connection"] = "close"
