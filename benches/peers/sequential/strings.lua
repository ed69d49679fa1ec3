-- Building text: concatenation, formatting, joining, slicing, replacing. args: lines (60000)
local n = tonumber(arg[1] or 60000)
local NAMES = "ash birch cedar elm fir hazel larch maple oak pine rowan willow"

local function label(number)
  local text = ""
  while number > 0 do
    text = string.char(97 + number % 26) .. text
    number = math.floor(number / 26)
  end
  return text
end

local function count(text, part) return select(2, text:gsub(part, part)) end

-- Repeated: all from here on.
local names = {}
for name in NAMES:gmatch("%a+") do names[#names + 1] = name end
local lines = {}
for i = 1, n do
  local name = names[i % #names + 1]
  lines[#lines + 1] = string.format("%d: %s-%s %.2f [%s%s]", i, name, label(i * 7919), i / 4, name:sub(2), name:sub(1, 1))
end
local text = table.concat(lines, "\n"):gsub("oak", "chestnut"):upper()
local vowels = count(text, "A") + count(text, "E") + count(text, "I") + count(text, "O") + count(text, "U")
local hash, longest = 0, 0
for line in text:gmatch("[^\n]+") do
  if #line > longest then longest = #line end
  hash = (hash * 31 + line:byte(math.floor(#line / 2) + 1) + line:find("-", 1, true) - 1) % 1000003
end
print(string.format("%d %d %d %d", #text, vowels, longest, hash))
