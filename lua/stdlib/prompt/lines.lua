-- What others say while one types: the lines of the log and of `print` at the other end, shown above the prompt.
local style = require "prompt.style"

local lines = {}

local BEFORE = 1000 -- lines of a process that began with the prompt: what its script has said so far

local styles = { error = style.RED, warn = style.YELLOW, info = style.DIM, debug = style.DIM, trace = style.DIM }

-- Control bytes could move the cursor or worse.
local function harmless(text)
  return (text:gsub("[\0-\8\11-\31\127]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

---One line as it is shown: {level, source, msg, ts (RFC 3339)}. `own`: the strategy whose prints need no name.
function lines.text(m, own, colour)
  local text = harmless(m.msg)
  if m.level == "print" then return m.source == own and text or ("[%s] %s"):format(m.source, text) end
  text = ("%s %-5s %s: %s"):format((m.ts:match("T(%d+:%d+:%d+)") or ""), m.level, m.source, text)
  return style.paint(colour, styles[m.level], text)
end

-- Said of what was typed here: who typed it need not be told.
local function is_own(session, m)
  local client = session.ready.client
  return client and m.level == "info" and m.msg:find("^prompt of [^:]*%(process " .. client .. "%): ") ~= nil
end

---Shows lines from now on, until the connection ends: in a session inside another process those of its strategy, else
---all. Without a terminal what was printed goes to standard output and the rest to standard error.
function lines.follow(session)
  local own = session.ready.name
  local wanted = { follow = true, n = 0, name = own }
  if session.is_local then wanted.n, wanted.name = BEFORE, nil end
  session.connection:start("logs", wanted, function(event, m)
    if event == "line" and not is_own(session, m) then
      session.terminal:above(lines.text(m, own, session.terminal:colour()), m.level ~= "print" and "error" or nil)
    elseif event == "lost" then
      session.terminal:above("(lines of the log were lost: there were too many)", "error")
    end
  end)
end

return lines
