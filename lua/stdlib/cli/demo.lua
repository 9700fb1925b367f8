-- The body of `kalua demo`: says what is going on, then is the example itself.
print "An exchange with synthetic traders is running inside this process. A Lua strategy now makes a market on it,"
print "over real sockets and with signed requests. Its source: scripts/examples/market_maker.lua"
print ""
require "examples.market_maker"
