# An incremental solver of one-way constraints: objects, dispatch, small arrays. args: rounds (50)
import sys

REQUIRED, PREFERRED, DEFAULT, NORMAL, WEAKEST = 0, 2, 3, 4, 6
NONE, FORWARD, BACKWARD = range(3)


class Variable:
    def __init__(self, value):
        self.value = value
        self.constraints = []
        self.determined_by = None
        self.mark = 0
        self.strength = WEAKEST
        self.stays = True

    def forget(self, c):
        if c in self.constraints:
            self.constraints.remove(c)
        if self.determined_by is c:
            self.determined_by = None


class Constraint:
    """A smaller number is a stronger constraint. Subclasses say what they connect and compute."""

    def __init__(self, planner, strength):
        self.planner = planner
        self.strength = strength

    def is_input(self):
        return False

    def add(self):
        self.connect()
        self.planner.add(self)

    def destroy(self):
        if self.is_satisfied():
            self.planner.remove(self)
        else:
            self.disconnect()

    def satisfy(self, mark):
        """Tries to satisfy this one; gives the constraint that had to yield, or None."""
        self.choose(mark)
        if not self.is_satisfied():
            if self.strength == REQUIRED:
                raise RuntimeError("a required constraint cannot be satisfied")
            return None
        self.mark_inputs(mark)
        out = self.output()
        beaten = out.determined_by
        if beaten is not None:
            beaten.release()
        out.determined_by = self
        if not self.planner.propagate(self, mark):
            raise RuntimeError("a cycle of constraints")
        out.mark = mark
        return beaten


class Unary(Constraint):
    def __init__(self, planner, strength, out):
        super().__init__(planner, strength)
        self.out = out
        self.satisfied = False
        self.add()

    def connect(self):
        self.out.constraints.append(self)
        self.satisfied = False

    def disconnect(self):
        self.out.forget(self)
        self.satisfied = False

    def is_satisfied(self):
        return self.satisfied

    def choose(self, mark):
        self.satisfied = self.out.mark != mark and self.strength < self.out.strength

    def mark_inputs(self, mark):
        pass

    def inputs_known(self, mark):
        return True

    def output(self):
        return self.out

    def release(self):
        self.satisfied = False

    def recalculate(self):
        self.out.strength = self.strength
        self.out.stays = not self.is_input()

    def execute(self):
        pass


class Stay(Unary):
    pass


class Edit(Unary):
    def is_input(self):
        return True


class Binary(Constraint):
    def __init__(self, planner, strength, left, right):
        super().__init__(planner, strength)
        self.left = left
        self.right = right
        self.direction = NONE

    def connect(self):
        self.left.constraints.append(self)
        self.right.constraints.append(self)
        self.direction = NONE

    def disconnect(self):
        self.left.forget(self)
        self.right.forget(self)
        self.direction = NONE

    def is_satisfied(self):
        return self.direction != NONE

    def choose(self, mark):
        a = self.left
        b = self.right
        if a.mark == mark:
            self.direction = FORWARD if b.mark != mark and self.strength < b.strength else NONE
        elif b.mark == mark:
            self.direction = BACKWARD if self.strength < a.strength else NONE
        elif a.strength > b.strength:
            self.direction = BACKWARD if self.strength < a.strength else NONE
        else:
            self.direction = FORWARD if self.strength < b.strength else NONE

    def input(self):
        return self.left if self.direction == FORWARD else self.right

    def output(self):
        return self.right if self.direction == FORWARD else self.left

    def mark_inputs(self, mark):
        self.input().mark = mark

    def inputs_known(self, mark):
        v = self.input()
        return v.mark == mark or v.stays or v.determined_by is None

    def release(self):
        self.direction = NONE

    def recalculate(self):
        source = self.input()
        to = self.output()
        to.strength = source.strength if source.strength > self.strength else self.strength
        to.stays = source.stays
        if to.stays:
            self.execute()


class Equality(Binary):
    def __init__(self, planner, strength, left, right):
        super().__init__(planner, strength, left, right)
        self.add()

    def execute(self):
        self.output().value = self.input().value


class Scale(Binary):
    """right = left * scale + offset"""

    def __init__(self, planner, strength, left, scale, offset, right):
        super().__init__(planner, strength, left, right)
        self.scale = scale
        self.offset = offset
        self.add()

    def connect(self):
        super().connect()
        self.scale.constraints.append(self)
        self.offset.constraints.append(self)

    def disconnect(self):
        super().disconnect()
        self.scale.forget(self)
        self.offset.forget(self)

    def mark_inputs(self, mark):
        super().mark_inputs(mark)
        self.scale.mark = mark
        self.offset.mark = mark

    def recalculate(self):
        source = self.input()
        to = self.output()
        to.strength = source.strength if source.strength > self.strength else self.strength
        to.stays = source.stays and self.scale.stays and self.offset.stays
        if to.stays:
            self.execute()

    def execute(self):
        if self.direction == FORWARD:
            self.right.value = self.left.value * self.scale.value + self.offset.value
        else:
            self.left.value = (self.right.value - self.offset.value) // self.scale.value


class Planner:
    def __init__(self):
        self.last_mark = 0

    def next_mark(self):
        self.last_mark += 1
        return self.last_mark

    def add(self, c):
        mark = self.next_mark()
        beaten = c.satisfy(mark)
        while beaten is not None:
            beaten = beaten.satisfy(mark)

    def remove(self, c):
        out = c.output()
        c.release()
        c.disconnect()
        open = self.release_from(out)
        for strength in range(REQUIRED, WEAKEST):
            for u in open:
                if u.strength == strength:
                    self.add(u)

    def propagate(self, c, mark):
        todo = [c]
        while todo:
            d = todo.pop()
            out = d.output()
            if out.mark == mark:
                self.remove(c)
                return False
            d.recalculate()
            self.add_consumers(out, todo)
        return True

    def release_from(self, out):
        """Clears what `out` determined; gives the constraints that might be satisfied now."""
        out.determined_by = None
        out.strength = WEAKEST
        out.stays = True
        open = []
        todo = [out]
        while todo:
            v = todo.pop()
            for c in v.constraints:
                if not c.is_satisfied():
                    open.append(c)
                elif c is not v.determined_by:
                    c.recalculate()
                    todo.append(c.output())
        return open

    def add_consumers(self, v, list):
        for c in v.constraints:
            if c is not v.determined_by and c.is_satisfied():
                list.append(c)

    def plan(self, sources):
        """The constraints to execute, in order, when the sources' values change."""
        mark = self.next_mark()
        plan = []
        todo = [c for c in sources if c.is_input() and c.is_satisfied()]
        while todo:
            c = todo.pop()
            out = c.output()
            if out.mark != mark and c.inputs_known(mark):
                plan.append(c)
                out.mark = mark
                self.add_consumers(out, todo)
        return plan

    def change(self, v, value):
        edit = Edit(self, PREFERRED, v)
        plan = self.plan([edit])
        for _ in range(10):
            v.value = value
            for c in plan:
                c.execute()
        edit.destroy()


def chain(n):
    planner = Planner()
    first = Variable(0)
    last = first
    for _ in range(n):
        v = Variable(0)
        Equality(planner, REQUIRED, last, v)
        last = v
    Stay(planner, DEFAULT, last)
    edit = Edit(planner, PREFERRED, first)
    plan = planner.plan([edit])
    total = 0
    for i in range(100):
        first.value = i
        for c in plan:
            c.execute()
        total += last.value
    edit.destroy()
    return total


def projection(n):
    planner = Planner()
    scale = Variable(10)
    offset = Variable(1000)
    source = target = None
    targets = []
    for i in range(n):
        source = Variable(i)
        target = Variable(i)
        targets.append(target)
        Stay(planner, NORMAL, source)
        Scale(planner, REQUIRED, source, scale, offset, target)
    planner.change(source, 17)
    total = target.value
    planner.change(target, 1050)
    total += source.value
    planner.change(scale, 5)
    total += sum(t.value for t in targets)
    planner.change(offset, 2000)
    total += sum(t.value for t in targets)
    return total


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    total = 0
    for _ in range(rounds):
        total += chain(100) + projection(100)
    print(total)


main()
