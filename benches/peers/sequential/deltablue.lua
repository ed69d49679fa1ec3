-- An incremental solver of one-way constraints: objects, dispatch, small arrays. args: rounds (50)
local rounds = tonumber(arg[1] or 50)
local REQUIRED, PREFERRED, DEFAULT, NORMAL, WEAKEST = 0, 2, 3, 4, 6
local NONE, FORWARD, BACKWARD = 0, 1, 2

local function class(parent)
  local c = {}
  c.__index = c
  if parent then setmetatable(c, parent) end
  return c
end

local Variable = class()
function Variable.new(value)
  return setmetatable({ value = value, constraints = {}, mark = 0, strength = WEAKEST, stays = true }, Variable)
end
function Variable:forget(c)
  local list = self.constraints
  for i = 1, #list do
    if list[i] == c then table.remove(list, i) break end
  end
  if self.determined_by == c then self.determined_by = nil end
end

-- A smaller number is a stronger constraint. Subclasses say what they connect and compute.
local Constraint = class()
function Constraint:is_input() return false end
function Constraint:add()
  self:connect()
  self.planner:add(self)
end
function Constraint:destroy()
  if self:is_satisfied() then self.planner:remove(self) else self:disconnect() end
end
-- Tries to satisfy this one; gives the constraint that had to yield, or nil.
function Constraint:satisfy(mark)
  self:choose(mark)
  if not self:is_satisfied() then
    if self.strength == REQUIRED then error("a required constraint cannot be satisfied") end
    return nil
  end
  self:mark_inputs(mark)
  local out = self:output()
  local beaten = out.determined_by
  if beaten then beaten:release() end
  out.determined_by = self
  if not self.planner:propagate(self, mark) then error("a cycle of constraints") end
  out.mark = mark
  return beaten
end

local Unary = class(Constraint)
local function unary(class, planner, strength, out)
  local c = setmetatable({ planner = planner, strength = strength, out = out, satisfied = false }, class)
  c:add()
  return c
end
function Unary:connect()
  table.insert(self.out.constraints, self)
  self.satisfied = false
end
function Unary:disconnect()
  self.out:forget(self)
  self.satisfied = false
end
function Unary:is_satisfied() return self.satisfied end
function Unary:choose(mark) self.satisfied = self.out.mark ~= mark and self.strength < self.out.strength end
function Unary:mark_inputs() end
function Unary:inputs_known() return true end
function Unary:output() return self.out end
function Unary:release() self.satisfied = false end
function Unary:recalculate()
  self.out.strength = self.strength
  self.out.stays = not self:is_input()
end
function Unary:execute() end

local Stay = class(Unary)
function Stay.new(planner, strength, out) return unary(Stay, planner, strength, out) end

local Edit = class(Unary)
function Edit.new(planner, strength, out) return unary(Edit, planner, strength, out) end
function Edit:is_input() return true end

local Binary = class(Constraint)
function Binary:connect()
  table.insert(self.left.constraints, self)
  table.insert(self.right.constraints, self)
  self.direction = NONE
end
function Binary:disconnect()
  self.left:forget(self)
  self.right:forget(self)
  self.direction = NONE
end
function Binary:is_satisfied() return self.direction ~= NONE end
function Binary:choose(mark)
  local a, b = self.left, self.right
  if a.mark == mark then
    self.direction = b.mark ~= mark and self.strength < b.strength and FORWARD or NONE
  elseif b.mark == mark then
    self.direction = self.strength < a.strength and BACKWARD or NONE
  elseif a.strength > b.strength then
    self.direction = self.strength < a.strength and BACKWARD or NONE
  else
    self.direction = self.strength < b.strength and FORWARD or NONE
  end
end
function Binary:input() return self.direction == FORWARD and self.left or self.right end
function Binary:output() return self.direction == FORWARD and self.right or self.left end
function Binary:mark_inputs(mark) self:input().mark = mark end
function Binary:inputs_known(mark)
  local v = self:input()
  return v.mark == mark or v.stays or v.determined_by == nil
end
function Binary:release() self.direction = NONE end
function Binary:recalculate()
  local from, to = self:input(), self:output()
  to.strength = from.strength > self.strength and from.strength or self.strength
  to.stays = from.stays
  if to.stays then self:execute() end
end

local Equality = class(Binary)
function Equality.new(planner, strength, left, right)
  local c = setmetatable({ planner = planner, strength = strength, left = left, right = right, direction = NONE }, Equality)
  c:add()
  return c
end
function Equality:execute() self:output().value = self:input().value end

-- right = left * scale + offset
local Scale = class(Binary)
function Scale.new(planner, strength, left, scale, offset, right)
  local c = setmetatable({ planner = planner, strength = strength, left = left, right = right, direction = NONE,
    scale = scale, offset = offset }, Scale)
  c:add()
  return c
end
function Scale:connect()
  Binary.connect(self)
  table.insert(self.scale.constraints, self)
  table.insert(self.offset.constraints, self)
end
function Scale:disconnect()
  Binary.disconnect(self)
  self.scale:forget(self)
  self.offset:forget(self)
end
function Scale:mark_inputs(mark)
  Binary.mark_inputs(self, mark)
  self.scale.mark = mark
  self.offset.mark = mark
end
function Scale:recalculate()
  local from, to = self:input(), self:output()
  to.strength = from.strength > self.strength and from.strength or self.strength
  to.stays = from.stays and self.scale.stays and self.offset.stays
  if to.stays then self:execute() end
end
function Scale:execute()
  if self.direction == FORWARD then self.right.value = self.left.value * self.scale.value + self.offset.value
  else self.left.value = math.floor((self.right.value - self.offset.value) / self.scale.value) end
end

local Planner = class()
function Planner.new() return setmetatable({ last_mark = 0 }, Planner) end
function Planner:next_mark()
  self.last_mark = self.last_mark + 1
  return self.last_mark
end
function Planner:add(c)
  local mark = self:next_mark()
  local beaten = c:satisfy(mark)
  while beaten do beaten = beaten:satisfy(mark) end
end
function Planner:remove(c)
  local out = c:output()
  c:release()
  c:disconnect()
  local open = self:release_from(out)
  for strength = REQUIRED, WEAKEST - 1 do
    for _, u in ipairs(open) do if u.strength == strength then self:add(u) end end
  end
end
function Planner:propagate(c, mark)
  local todo = { c }
  while #todo > 0 do
    local d = table.remove(todo)
    local out = d:output()
    if out.mark == mark then
      self:remove(c)
      return false
    end
    d:recalculate()
    self:add_consumers(out, todo)
  end
  return true
end
-- Clears what `out` determined; gives the constraints that might be satisfied now.
function Planner:release_from(out)
  out.determined_by = nil
  out.strength = WEAKEST
  out.stays = true
  local open, todo = {}, { out }
  while #todo > 0 do
    local v = table.remove(todo)
    for _, c in ipairs(v.constraints) do
      if not c:is_satisfied() then open[#open + 1] = c
      elseif c ~= v.determined_by then
        c:recalculate()
        todo[#todo + 1] = c:output()
      end
    end
  end
  return open
end
function Planner:add_consumers(v, list)
  for _, c in ipairs(v.constraints) do
    if c ~= v.determined_by and c:is_satisfied() then list[#list + 1] = c end
  end
end
-- The constraints to execute, in order, when the sources' values change.
function Planner:plan(sources)
  local mark = self:next_mark()
  local plan, todo = {}, {}
  for _, c in ipairs(sources) do if c:is_input() and c:is_satisfied() then todo[#todo + 1] = c end end
  while #todo > 0 do
    local c = table.remove(todo)
    local out = c:output()
    if out.mark ~= mark and c:inputs_known(mark) then
      plan[#plan + 1] = c
      out.mark = mark
      self:add_consumers(out, todo)
    end
  end
  return plan
end
function Planner:change(v, value)
  local edit = Edit.new(self, PREFERRED, v)
  local plan = self:plan({ edit })
  for _ = 1, 10 do
    v.value = value
    for _, c in ipairs(plan) do c:execute() end
  end
  edit:destroy()
end

local function chain(n)
  local planner = Planner.new()
  local first = Variable.new(0)
  local last = first
  for _ = 1, n do
    local v = Variable.new(0)
    Equality.new(planner, REQUIRED, last, v)
    last = v
  end
  Stay.new(planner, DEFAULT, last)
  local edit = Edit.new(planner, PREFERRED, first)
  local plan = planner:plan({ edit })
  local sum = 0
  for i = 0, 99 do
    first.value = i
    for _, c in ipairs(plan) do c:execute() end
    sum = sum + last.value
  end
  edit:destroy()
  return sum
end

local function projection(n)
  local planner = Planner.new()
  local scale, offset = Variable.new(10), Variable.new(1000)
  local source, target
  local targets = {}
  for i = 0, n - 1 do
    source = Variable.new(i)
    target = Variable.new(i)
    targets[#targets + 1] = target
    Stay.new(planner, NORMAL, source)
    Scale.new(planner, REQUIRED, source, scale, offset, target)
  end
  planner:change(source, 17)
  local sum = target.value
  planner:change(target, 1050)
  sum = sum + source.value
  planner:change(scale, 5)
  for _, t in ipairs(targets) do sum = sum + t.value end
  planner:change(offset, 2000)
  for _, t in ipairs(targets) do sum = sum + t.value end
  return sum
end

-- Repeated: all from here on.
local sum = 0
for _ = 1, rounds do sum = sum + chain(100) + projection(100) end
print(string.format("%d", sum))
