-- A program of sequential/ again and again in one process: luajit warm.lua FILE SECONDS LEAST ARGUMENTS...
--
-- What stands above the line "Repeated: all from here on." (functions, constants) is run once, as a module is loaded once; what stands
-- below it is one function, called until SECONDS have passed and LEAST runs are done. Prints the answer, which must be the same each
-- time, and how long each run took, in nanoseconds.
local file, seconds, least = arg[1], tonumber(arg[2]), tonumber(arg[3])
local MARK = "-- Repeated: all from here on.\n"

-- The clock on the wall, which is not in Lua's library: LuaJIT reaches the system's.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } warm_time;
  int clock_gettime(int, warm_time *);
]]
local moment = ffi.new("warm_time")
local MONOTONIC = 1
local function now()
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) * 1e9 + tonumber(moment.nanoseconds)
end

local handle = assert(io.open(file))
local source = handle:read("*a")
handle:close()
local at = assert(source:find(MARK, 1, true), file .. " does not say what is to be repeated")
local text = source:sub(1, at - 1) .. "return function()\n" .. source:sub(at) .. "\nend\n"

arg = { [0] = file, unpack(arg, 4) }
local show, printed = print, {}
local function keep(...)
  local words = { ... }
  for i = 1, select("#", ...) do words[i] = tostring(words[i]) end
  printed[#printed + 1] = table.concat(words, " ")
end
print = keep
io.write = keep
local run = assert(loadstring(text, "@" .. file))()

local times, answer = {}, nil
local begun = now()
local last = begun
while #times < least or last < begun + seconds * 1e9 do
  run()
  times[#times + 1] = string.format("%d", now() - last)
  local found = table.concat(printed, "\n")
  if answer and answer ~= found then error("run " .. #times .. " gives another answer: " .. found) end
  answer = found
  printed = {}
  last = now()
end
show("answer\t" .. answer)
show("times\t" .. table.concat(times, " "))
