# The scheduler of a small operating system: objects, dispatch, linked lists. args: rounds (10)
import sys

IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = range(6)
FOR_DEVICE, FOR_WORK = range(2)


class Packet:
    def __init__(self, next, target, kind):
        self.next = next
        self.target = target
        self.kind = kind
        self.used = 0
        self.data = [0, 0, 0, 0]

    def append_to(self, list):
        self.next = None
        if list is None:
            return self
        last = list
        while last.next is not None:
            last = last.next
        last.next = self
        return list


class Process:
    def __init__(self, kernel, number, priority, queue, waiting=True):
        self.kernel = kernel
        self.number = number
        self.priority = priority
        self.queue = queue
        self.pending = queue is not None
        self.waiting = waiting
        self.held = False
        kernel.enter(self)

    def is_blocked(self):
        return self.held or (self.waiting and not self.pending)

    def step(self):
        packet = None
        if self.waiting and self.pending:
            packet = self.queue
            self.queue = packet.next
            self.waiting = False
            self.pending = self.queue is not None
        return self.work(packet)

    def accept(self, packet, sender):
        if self.queue is not None:
            packet.append_to(self.queue)
            return sender
        self.queue = packet
        self.pending = True
        return self if self.priority > sender.priority else sender


class Idle(Process):
    def __init__(self, kernel, left):
        super().__init__(kernel, IDLE, 0, None, False)
        self.bits = 1
        self.left = left

    def work(self, packet):
        self.left -= 1
        if self.left == 0:
            return self.kernel.hold()
        if self.bits & 1 == 0:
            self.bits >>= 1
            return self.kernel.release(DEVICE_A)
        self.bits = (self.bits >> 1) ^ 0xD008
        return self.kernel.release(DEVICE_B)


class Worker(Process):
    def __init__(self, kernel, queue):
        super().__init__(kernel, WORKER, 1000, queue)
        self.handler = HANDLER_A
        self.letter = 0

    def work(self, packet):
        if packet is None:
            return self.kernel.wait()
        self.handler = HANDLER_A + HANDLER_B - self.handler
        packet.target = self.handler
        packet.used = 0
        for i in range(4):
            self.letter += 1
            if self.letter > 26:
                self.letter = 1
            packet.data[i] = self.letter
        return self.kernel.send(packet)


class Handler(Process):
    def __init__(self, kernel, number, priority, queue):
        super().__init__(kernel, number, priority, queue)
        self.works = None
        self.devices = None

    def work(self, packet):
        if packet is not None:
            if packet.kind == FOR_WORK:
                self.works = packet.append_to(self.works)
            else:
                self.devices = packet.append_to(self.devices)
        first = self.works
        if first is not None:
            if first.used == 4:
                self.works = first.next
                return self.kernel.send(first)
            device = self.devices
            if device is not None:
                self.devices = device.next
                device.used = first.data[first.used]
                first.used += 1
                return self.kernel.send(device)
        return self.kernel.wait()


class Device(Process):
    def __init__(self, kernel, number, priority):
        super().__init__(kernel, number, priority, None)
        self.held_packet = None

    def work(self, packet):
        if packet is not None:
            self.held_packet = packet
            return self.kernel.hold()
        done = self.held_packet
        if done is None:
            return self.kernel.wait()
        self.held_packet = None
        return self.kernel.send(done)


class Kernel:
    def __init__(self):
        self.table = [None] * 6
        self.first = None
        self.current = None
        self.sent = 0
        self.holds = 0

    def enter(self, process):
        self.table[process.number] = process
        process.next = self.first
        self.first = process

    def run(self):
        self.current = self.first
        while self.current is not None:
            process = self.current
            self.current = process.next if process.is_blocked() else process.step()

    def hold(self):
        self.holds += 1
        self.current.held = True
        return self.current.next

    def wait(self):
        self.current.waiting = True
        return self.current

    def release(self, number):
        process = self.table[number]
        process.held = False
        return process if process.priority > self.current.priority else self.current

    def send(self, packet):
        target = self.table[packet.target]
        self.sent += 1
        packet.next = None
        packet.target = self.current.number
        return target.accept(packet, self.current)


def packets(count, target, kind):
    list = None
    for _ in range(count):
        list = Packet(list, target, kind)
    return list


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    sent = holds = 0
    for _ in range(rounds):
        kernel = Kernel()
        Idle(kernel, 10000)
        Worker(kernel, packets(2, WORKER, FOR_WORK))
        Handler(kernel, HANDLER_A, 2000, packets(3, DEVICE_A, FOR_DEVICE))
        Handler(kernel, HANDLER_B, 3000, packets(3, DEVICE_B, FOR_DEVICE))
        Device(kernel, DEVICE_A, 4000)
        Device(kernel, DEVICE_B, 5000)
        kernel.run()
        sent += kernel.sent
        holds += kernel.holds
    print(sent, holds)


main()
