// The scheduler of a small operating system: objects, dispatch, linked lists. args: rounds (10)
const rounds = Number(process.argv[2] || 10);
const IDLE = 0, WORKER = 1, HANDLER_A = 2, HANDLER_B = 3, DEVICE_A = 4, DEVICE_B = 5;
const FOR_DEVICE = 0, FOR_WORK = 1;

class Packet {
  constructor(next, target, kind) {
    this.next = next;
    this.target = target;
    this.kind = kind;
    this.used = 0;
    this.data = [0, 0, 0, 0];
  }
  appendTo(list) {
    this.next = null;
    if (list === null) return this;
    let last = list;
    while (last.next !== null) last = last.next;
    last.next = this;
    return list;
  }
}

class Process {
  constructor(kernel, number, priority, queue, waiting = true) {
    this.kernel = kernel;
    this.number = number;
    this.priority = priority;
    this.queue = queue;
    this.pending = queue !== null;
    this.waiting = waiting;
    this.held = false;
    this.next = null;
    kernel.enter(this);
  }
  isBlocked() { return this.held || (this.waiting && !this.pending); }
  step() {
    let packet = null;
    if (this.waiting && this.pending) {
      packet = this.queue;
      this.queue = packet.next;
      this.waiting = false;
      this.pending = this.queue !== null;
    }
    return this.work(packet);
  }
  accept(packet, sender) {
    if (this.queue !== null) {
      packet.appendTo(this.queue);
      return sender;
    }
    this.queue = packet;
    this.pending = true;
    return this.priority > sender.priority ? this : sender;
  }
}

class Idle extends Process {
  constructor(kernel, left) {
    super(kernel, IDLE, 0, null, false);
    this.bits = 1;
    this.left = left;
  }
  work() {
    this.left--;
    if (this.left === 0) return this.kernel.hold();
    if ((this.bits & 1) === 0) {
      this.bits >>= 1;
      return this.kernel.release(DEVICE_A);
    }
    this.bits = (this.bits >> 1) ^ 0xD008;
    return this.kernel.release(DEVICE_B);
  }
}

class Worker extends Process {
  constructor(kernel, queue) {
    super(kernel, WORKER, 1000, queue);
    this.handler = HANDLER_A;
    this.letter = 0;
  }
  work(packet) {
    if (packet === null) return this.kernel.wait();
    this.handler = HANDLER_A + HANDLER_B - this.handler;
    packet.target = this.handler;
    packet.used = 0;
    for (let i = 0; i < 4; i++) {
      this.letter++;
      if (this.letter > 26) this.letter = 1;
      packet.data[i] = this.letter;
    }
    return this.kernel.send(packet);
  }
}

class Handler extends Process {
  constructor(kernel, number, priority, queue) {
    super(kernel, number, priority, queue);
    this.works = null;
    this.devices = null;
  }
  work(packet) {
    if (packet !== null) {
      if (packet.kind === FOR_WORK) this.works = packet.appendTo(this.works);
      else this.devices = packet.appendTo(this.devices);
    }
    const first = this.works;
    if (first !== null) {
      if (first.used === 4) {
        this.works = first.next;
        return this.kernel.send(first);
      }
      const device = this.devices;
      if (device !== null) {
        this.devices = device.next;
        device.used = first.data[first.used];
        first.used++;
        return this.kernel.send(device);
      }
    }
    return this.kernel.wait();
  }
}

class Device extends Process {
  constructor(kernel, number, priority) {
    super(kernel, number, priority, null);
    this.heldPacket = null;
  }
  work(packet) {
    if (packet !== null) {
      this.heldPacket = packet;
      return this.kernel.hold();
    }
    const done = this.heldPacket;
    if (done === null) return this.kernel.wait();
    this.heldPacket = null;
    return this.kernel.send(done);
  }
}

class Kernel {
  constructor() {
    this.table = new Array(6).fill(null);
    this.first = null;
    this.current = null;
    this.sent = 0;
    this.holds = 0;
  }
  enter(p) {
    this.table[p.number] = p;
    p.next = this.first;
    this.first = p;
  }
  run() {
    this.current = this.first;
    while (this.current !== null) {
      const p = this.current;
      this.current = p.isBlocked() ? p.next : p.step();
    }
  }
  hold() {
    this.holds++;
    this.current.held = true;
    return this.current.next;
  }
  wait() {
    this.current.waiting = true;
    return this.current;
  }
  release(number) {
    const p = this.table[number];
    p.held = false;
    return p.priority > this.current.priority ? p : this.current;
  }
  send(packet) {
    const target = this.table[packet.target];
    this.sent++;
    packet.next = null;
    packet.target = this.current.number;
    return target.accept(packet, this.current);
  }
}

function packets(count, target, kind) {
  let list = null;
  for (let i = 0; i < count; i++) list = new Packet(list, target, kind);
  return list;
}

// Repeated: all from here on.
let sent = 0, holds = 0;
for (let i = 0; i < rounds; i++) {
  const kernel = new Kernel();
  new Idle(kernel, 10000);
  new Worker(kernel, packets(2, WORKER, FOR_WORK));
  new Handler(kernel, HANDLER_A, 2000, packets(3, DEVICE_A, FOR_DEVICE));
  new Handler(kernel, HANDLER_B, 3000, packets(3, DEVICE_B, FOR_DEVICE));
  new Device(kernel, DEVICE_A, 4000);
  new Device(kernel, DEVICE_B, 5000);
  kernel.run();
  sent += kernel.sent;
  holds += kernel.holds;
}
console.log(`${sent} ${holds}`);
