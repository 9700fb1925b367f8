-- Writes the files copyright and changelog.Debian of the Debian package:
-- lua debian_files.lua SOURCE FOLDER VERSION REVISION MAINTAINER EPOCH
local source, folder, version, revision, maintainer, epoch = table.unpack(arg)
assert(tonumber(epoch), "usage: debian_files.lua SOURCE FOLDER VERSION REVISION MAINTAINER EPOCH")

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local file = assert(io.open(source .. "/LICENSE", "rb"))
local licence = assert(file:read "a")
file:close()
local holder = assert(licence:match "Copyright %(c%) ([^\n]+)", "LICENSE names no copyright holder")
local terms = assert(licence:match "\n\n(Permission.*)$", "LICENSE is not the MIT licence")
terms = terms:gsub("%s+$", ""):gsub("[^\n]+", " %0"):gsub("\n\n", "\n .\n")
write("copyright", ([[
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: kalua

Files: *
Copyright: %s
License: Expat

License: Expat
%s
]]):format(holder, terms))

-- The manual as a site, where it goes along, has parts of others.
local site = io.open(folder .. "/html/index.html", "rb")
if site then
  site:close()
  local copyright = assert(io.open(folder .. "/copyright", "ab"))
  assert(copyright:write [[

Files: html/*.js html/_static/*
Copyright: 2007-2022 the Sphinx team
           2020 Pradyun Gedam
           2019 Chris Ferdinandi
           2021 OpenJS Foundation and other contributors
           2009-2021 Jeremy Ashkenas, Julian Gonggrijp, and DocumentCloud and Investigative Reporters & Editors
License: BSD-2-clause and Expat
Comment: Sphinx, the theme Furo, jQuery and Underscore; html/licences has the copyright file of each, with the texts.
]])
  assert(copyright:close())
end

-- Dates of a Debian changelog are RFC 5322's, in English whatever the locale.
local days = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local months = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }
local at = os.date("!*t", tonumber(epoch))
local date = ("%s, %02d %s %d %02d:%02d:%02d +0000"):format(
  days[at.wday], at.day, months[at.month], at.year, at.hour, at.min, at.sec)
write("changelog.Debian", ([[
kalua (%s-%s) unstable; urgency=medium

  * Package of version %s; changelog.gz says what changed.

 -- %s  %s
]]):format(version, revision, version, maintainer, date))
