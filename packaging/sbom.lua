-- Writes what a program is made of as CycloneDX 1.5 JSON to standard output:
-- lua sbom.lua VERSION EPOCH PACKAGES PROGRAM LIBRARY...
-- PACKAGES is written, too: a line for each package of a library, with its name and the name and version of its source.
-- The program and the libraries are files of this machine; the package that a library comes from is asked of dpkg, its
-- licence of the package's copyright file. Same files, same text.
local FIRST = 5 -- of the libraries
local version, epoch, packages_path, program = arg[1], tonumber(arg[2]), arg[3], arg[4]
assert(epoch and program, "usage: sbom.lua VERSION EPOCH PACKAGES PROGRAM LIBRARY...")

local function quoted(s) return "'" .. s:gsub("'", [['\'']]) .. "'" end

---The lines that a command prints; an error when it fails.
local function lines_of(command, ...)
  local words = { command }
  for _, word in ipairs { ... } do words[#words + 1] = quoted(word) end
  local pipe = assert(io.popen(table.concat(words, " ")))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  local _, _, status = pipe:close()
  if status ~= 0 then error(("%s: exit status %s"):format(table.concat(words, " "), status), 0) end
  return lines
end

local function sorted(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

---JSON with the keys in order; a table with [1], or marked as one, is an array.
local array = {}
local function json(value, indent)
  if type(value) == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local is_array = value[1] ~= nil or getmetatable(value) == array
  local parts, inner = {}, indent .. "  "
  if is_array then
    for i, v in ipairs(value) do parts[i] = inner .. json(v, inner) end
  else
    for i, key in ipairs(sorted(value)) do parts[i] = inner .. json(key) .. ": " .. json(value[key], inner) end
  end
  local open, close = is_array and "[" or "{", is_array and "]" or "}"
  if #parts == 0 then return open .. close end
  return open .. "\n" .. table.concat(parts, ",\n") .. "\n" .. indent .. close
end

-- ---- licences ----

-- Debian's names of licences that have another one in the list of SPDX.
local spdx = {
  ["curl"] = "curl", ["Expat"] = "MIT", ["MIT"] = "MIT", ["ISC"] = "ISC", ["Zlib"] = "Zlib", ["zlib"] = "Zlib",
  ["BSD-2-clause"] = "BSD-2-Clause", ["BSD-3-clause"] = "BSD-3-Clause", ["BSD-3-Clause"] = "BSD-3-Clause",
  ["BSD3"] = "BSD-3-Clause", ["Apache-2.0"] = "Apache-2.0", ["GPL-2"] = "GPL-2.0-only", ["GPL-2+"] = "GPL-2.0-or-later",
  ["GPL-3+"] = "GPL-3.0-or-later", ["LGPL-2"] = "LGPL-2.0-only", ["LGPL-2+"] = "LGPL-2.0-or-later",
  ["LGPL-2.1"] = "LGPL-2.1-only", ["LGPL-2.1+"] = "LGPL-2.1-or-later", ["LGPL-3+"] = "LGPL-3.0-or-later",
}

---What the copyright file of a package says of its files in general: the licence of `Files: *`, or of its first files;
---and the names of the licences of all of its source's files, where the file is one for programs.
local function licence_of(package)
  local path = "/usr/share/doc/" .. package .. "/copyright"
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  if not text:find("copyright-format", 1, true) then
    return { name = "see the copyright file of Debian's " .. package }, nil
  end
  local first, general, files
  local named = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    if line:match "^%s*$" then
      files = nil
    elseif line:match "^Files:" then
      files = line:match "^Files:%s*(.-)%s*$"
    elseif files and line:match "^License:" then
      local name = line:match "^License:%s*(.-)%s*$"
      first, named[name] = first or name, true
      if files == "*" then general = general or name end
    end
  end
  local name = general or first
  if not name then error(path .. " names no licence of files", 0) end
  return spdx[name] and { id = spdx[name] } or { name = name }, table.concat(sorted(named), "; ")
end

-- ---- packages ----

local packages = {} -- by name
local owner_of = {} -- file name of a library -> name of its package

local hashes = {} -- by path
for _, line in ipairs(lines_of("sha256sum --", table.unpack(arg, FIRST - 1))) do
  local hash, path = line:match "^(%x+)  (.*)$"
  hashes[path] = hash
end

-- Names that the dynamic section of each file asks for, by path.
local needed_by = {}
do
  local path
  -- With one file readelf does not say which it is.
  for _, line in ipairs(lines_of("LC_ALL=C readelf -d", table.unpack(arg, FIRST - 1))) do
    path = line:match "^File: (.*)$" or path
    needed_by[path or program] = needed_by[path or program] or {}
    table.insert(needed_by[path or program], line:match "%(NEEDED%).*%[(.*)%]")
  end
end

local system = {}
for line in io.lines "/etc/os-release" do
  local key, value = line:match '^([%w_]+)="?(.-)"?$'
  if key then system[key] = value end
end

local patterns = {}
for i = FIRST, #arg do patterns[#patterns + 1] = "*/" .. arg[i]:match "[^/]+$" end
local owners = {} -- path as dpkg knows it -> package
for _, line in ipairs(lines_of("dpkg -S", table.unpack(patterns))) do
  local owner, file = line:match "^([^:,]+)[^ ]*: (.*)$"
  if file then owners[file] = owner end
end

for i = FIRST, #arg do
  local path, name = arg[i], arg[i]:match "[^/]+$"
  -- /lib and /usr/lib are one folder, of which dpkg knows one name.
  local package = owners[path] or owners["/usr" .. path] or owners[path:match "^/usr(.*)" or ""]
  if not package then error(path .. " belongs to no package", 0) end
  owner_of[name] = package
  packages[package] = packages[package] or { name = package, files = {} }
  packages[package].files[name] = path
end

local format = "${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\n"
for _, line in ipairs(lines_of("dpkg-query -W -f", format, table.unpack(sorted(packages)))) do
  local name, rest = line:match "^(%S+)\t(.*)$"
  local p = packages[name]
  p.version, p.source, p.source_version, p.arch = rest:match "^(%S+)\t(%S+)\t(%S+)\t(%S+)$"
  p.ref = ("pkg:deb/%s/%s@%s?arch=%s&distro=%s-%s"):format(
    system.ID, name, (p.version:gsub("[+:]", { ["+"] = "%2B", [":"] = "%3A" })), p.arch, system.ID,
    system.VERSION_ID or "")
end

local list = assert(io.open(packages_path, "wb"))
for _, name in ipairs(sorted(packages)) do
  local p = packages[name]
  assert(list:write(name, " ", p.source, " ", p.source_version, "\n"))
end
assert(list:close())

-- ---- the document ----

local function edges(files, own)
  local seen, refs = {}, setmetatable({}, array)
  for _, name in ipairs(sorted(files)) do
    for _, needed in ipairs(needed_by[files[name]]) do
      local package = owner_of[needed]
      if package and package ~= own then seen[packages[package].ref] = true end
    end
  end
  for _, ref in ipairs(sorted(seen)) do refs[#refs + 1] = ref end
  return refs
end

local root = "pkg:generic/kalua@" .. version
local components, dependencies = setmetatable({}, array), setmetatable({}, array)
dependencies[1] = { ref = root, dependsOn = edges({ kalua = program }) }
for _, name in ipairs(sorted(packages)) do
  local p = packages[name]
  local parts = setmetatable({}, array)
  for _, file in ipairs(sorted(p.files)) do
    parts[#parts + 1] = {
      type = "file",
      ["bom-ref"] = p.ref .. "#" .. file,
      name = file,
      hashes = { { alg = "SHA-256", content = hashes[p.files[file]] } },
    }
  end
  local licence, all = licence_of(name)
  local properties = { { name = "debian:source", value = p.source .. " " .. p.source_version } }
  if all then properties[2] = { name = "debian:source-licences", value = all } end
  components[#components + 1] = {
    type = "library",
    ["bom-ref"] = p.ref,
    name = p.name,
    version = p.version,
    purl = p.ref,
    licenses = { { license = licence } },
    components = parts,
    properties = properties,
  }
  dependencies[#dependencies + 1] = { ref = p.ref, dependsOn = edges(p.files, name) }
end

-- libwebsockets opens its event loop by name, as it runs; the program does not name it.
local plugin = owner_of["libwebsockets-evlib_uv.so"]
if plugin then
  local needed = dependencies[1].dependsOn
  needed[#needed + 1] = packages[plugin].ref
  table.sort(needed)
end

local hash = hashes[program]
local document = {
  ["$schema"] = "http://cyclonedx.org/schema/bom-1.5.schema.json",
  bomFormat = "CycloneDX",
  specVersion = "1.5",
  -- A name of this program, not of this moment: version 8 of RFC 9562, whose bits are the maker's.
  serialNumber = ("urn:uuid:%s-%s-8%s-8%s-%s"):format(
    hash:sub(1, 8), hash:sub(9, 12), hash:sub(14, 16), hash:sub(18, 20), hash:sub(21, 32)),
  version = 1,
  metadata = {
    timestamp = os.date("!%Y-%m-%dT%H:%M:%SZ", epoch),
    component = {
      type = "application",
      ["bom-ref"] = root,
      name = "kalua",
      version = version,
      purl = root,
      licenses = { { license = { id = "MIT" } } },
      hashes = { { alg = "SHA-256", content = hash } },
    },
  },
  components = components,
  dependencies = dependencies,
}
assert(io.write(json(document, ""), "\n"))
