-- All ways to place N queens on a board of N by N, by backtracking. args: N (9)
local n = tonumber(arg[1] or 9)
local function place(row, n, columns, rising, falling)
  if row == n then return 1 end
  local found = 0
  for column = 0, n - 1 do
    local up, down = row + column, row - column + n
    if not (columns[column] or rising[up] or falling[down]) then
      columns[column] = true; rising[up] = true; falling[down] = true
      found = found + place(row + 1, n, columns, rising, falling)
      columns[column] = false; rising[up] = false; falling[down] = false
    end
  end
  return found
end
local function flags(count) local t = {}; for i = 0, count - 1 do t[i] = false end return t end
-- Repeated: all from here on.
print(n .. " " .. place(0, n, flags(n), flags(2 * n), flags(2 * n + 1)))
