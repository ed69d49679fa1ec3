-- How long a program is held up by the collector: a large live heap, records replaced at random in batches of 50,
-- each batch timed (by CPU time: there is no finer clock). args: megabytes batches
local megabytes, batches = tonumber(arg[1]), tonumber(arg[2])
local clock = os.clock
local function rss()
  for l in io.lines("/proc/self/status") do
    local v = l:match("^VmRSS:%s+(%d+)")
    if v then return math.floor(tonumber(v) / 1024) end
  end
end
local function make(i) return { id = i, name = "record number " .. i, data = { i, i + 1, i + 2 } } end
local live, n = {}, 0
while rss() < megabytes do
  for i = 0, 9999 do n = n + 1; live[n] = make(i) end
end
local before, middle = rss(), 0
local times, seed = {}, 42
for b = 1, batches do times[b] = 0.0 end
local started = clock()
for b = 1, batches do
  if b == math.floor(batches / 2) then middle = rss() end
  local t = clock()
  for i = 0, 49 do
    seed = seed * 16807 % 2147483647
    live[seed % n + 1] = make(i)
  end
  times[b] = clock() - t
end
local seconds, after = clock() - started, rss()
table.sort(times)
local histogram, at, limit = {}, 1, 1e-6
while at <= batches do
  local from = at
  while at <= batches and times[at] <= limit do at = at + 1 end
  histogram[#histogram + 1] = at - from
  limit = limit * 2
end
local function quantile(share) return times[math.floor((batches - 1) * share) + 1] * 1e3 end
print(string.format("pauses %s live_MB=%d records=%d seconds=%.2f p50_ms=%.3f p99_ms=%.3f p999_ms=%.3f max_ms=%.3f middle_MB=%d after_MB=%d histogram=%s",
  jit and "luajit" or "lua5.4", before, n, seconds, quantile(0.5), quantile(0.99), quantile(0.999), quantile(1), middle, after, table.concat(histogram, ",")))
