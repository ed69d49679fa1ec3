-- The scheduler of a small operating system: objects, dispatch, linked lists. args: rounds (10)
local rounds = tonumber(arg[1] or 10)
local IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = 0, 1, 2, 3, 4, 5
local FOR_DEVICE, FOR_WORK = 0, 1

local function class(parent)
  local c = {}
  c.__index = c
  if parent then setmetatable(c, parent) end
  return c
end

local Packet = class()
function Packet.new(next, target, kind)
  return setmetatable({ next = next, target = target, kind = kind, used = 0, data = { 0, 0, 0, 0 } }, Packet)
end
function Packet:append_to(list)
  self.next = nil
  if not list then return self end
  local last = list
  while last.next do last = last.next end
  last.next = self
  return list
end

local Process = class()
local function process(class, kernel, number, priority, queue, waiting)
  local p = setmetatable({ kernel = kernel, number = number, priority = priority, queue = queue,
    pending = queue ~= nil, waiting = waiting, held = false }, class)
  kernel:enter(p)
  return p
end
function Process:is_blocked() return self.held or (self.waiting and not self.pending) end
function Process:step()
  local packet
  if self.waiting and self.pending then
    packet = self.queue
    self.queue = packet.next
    self.waiting = false
    self.pending = self.queue ~= nil
  end
  return self:work(packet)
end
function Process:accept(packet, sender)
  if self.queue then
    packet:append_to(self.queue)
    return sender
  end
  self.queue = packet
  self.pending = true
  return self.priority > sender.priority and self or sender
end

-- Lua 5.4 has operators for bits, LuaJIT a library: one file must do for both.
local shift, flip
if jit then
  local bit = require("bit")
  shift, flip = function(x) return bit.rshift(x, 1) end, function(x) return bit.bxor(x, 0xD008) end
else
  shift, flip = load("return function(x) return x >> 1 end, function(x) return x ~ 0xD008 end")()
end

local Idle = class(Process)
function Idle.new(kernel, left)
  local p = process(Idle, kernel, IDLE, 0, nil, false)
  p.bits = 1
  p.left = left
  return p
end
function Idle:work()
  self.left = self.left - 1
  if self.left == 0 then return self.kernel:hold() end
  if self.bits % 2 == 0 then
    self.bits = shift(self.bits)
    return self.kernel:release(DEVICE_A)
  end
  self.bits = flip(shift(self.bits))
  return self.kernel:release(DEVICE_B)
end

local Worker = class(Process)
function Worker.new(kernel, queue)
  local p = process(Worker, kernel, WORKER, 1000, queue, true)
  p.handler = HANDLER_A
  p.letter = 0
  return p
end
function Worker:work(packet)
  if not packet then return self.kernel:wait() end
  self.handler = HANDLER_A + HANDLER_B - self.handler
  packet.target = self.handler
  packet.used = 0
  for i = 1, 4 do
    self.letter = self.letter + 1
    if self.letter > 26 then self.letter = 1 end
    packet.data[i] = self.letter
  end
  return self.kernel:send(packet)
end

local Handler = class(Process)
function Handler.new(kernel, number, priority, queue) return process(Handler, kernel, number, priority, queue, true) end
function Handler:work(packet)
  if packet then
    if packet.kind == FOR_WORK then self.works = packet:append_to(self.works)
    else self.devices = packet:append_to(self.devices) end
  end
  local first = self.works
  if first then
    if first.used == 4 then
      self.works = first.next
      return self.kernel:send(first)
    end
    local device = self.devices
    if device then
      self.devices = device.next
      device.used = first.data[first.used + 1]
      first.used = first.used + 1
      return self.kernel:send(device)
    end
  end
  return self.kernel:wait()
end

local Device = class(Process)
function Device.new(kernel, number, priority) return process(Device, kernel, number, priority, nil, true) end
function Device:work(packet)
  if packet then
    self.held_packet = packet
    return self.kernel:hold()
  end
  local done = self.held_packet
  if not done then return self.kernel:wait() end
  self.held_packet = nil
  return self.kernel:send(done)
end

local Kernel = class()
function Kernel.new() return setmetatable({ table = {}, sent = 0, holds = 0 }, Kernel) end
function Kernel:enter(p)
  self.table[p.number] = p
  p.next = self.first
  self.first = p
end
function Kernel:run()
  self.current = self.first
  while self.current do
    local p = self.current
    if p:is_blocked() then self.current = p.next else self.current = p:step() end
  end
end
function Kernel:hold()
  self.holds = self.holds + 1
  self.current.held = true
  return self.current.next
end
function Kernel:wait()
  self.current.waiting = true
  return self.current
end
function Kernel:release(number)
  local p = self.table[number]
  p.held = false
  return p.priority > self.current.priority and p or self.current
end
function Kernel:send(packet)
  local target = self.table[packet.target]
  self.sent = self.sent + 1
  packet.next = nil
  packet.target = self.current.number
  return target:accept(packet, self.current)
end

local function packets(count, target, kind)
  local list
  for _ = 1, count do list = Packet.new(list, target, kind) end
  return list
end

-- Repeated: all from here on.
local sent, holds = 0, 0
for _ = 1, rounds do
  local kernel = Kernel.new()
  Idle.new(kernel, 10000)
  Worker.new(kernel, packets(2, WORKER, FOR_WORK))
  Handler.new(kernel, HANDLER_A, 2000, packets(3, DEVICE_A, FOR_DEVICE))
  Handler.new(kernel, HANDLER_B, 3000, packets(3, DEVICE_B, FOR_DEVICE))
  Device.new(kernel, DEVICE_A, 4000)
  Device.new(kernel, DEVICE_B, 5000)
  kernel:run()
  sent = sent + kernel.sent
  holds = holds + kernel.holds
end
print(sent .. " " .. holds)
