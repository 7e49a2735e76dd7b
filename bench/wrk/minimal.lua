-- A request line and Host.
require "report"
