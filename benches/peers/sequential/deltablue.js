// An incremental solver of one-way constraints: objects, dispatch, small arrays. args: rounds (50)
const rounds = Number(process.argv[2] || 50);
const REQUIRED = 0, PREFERRED = 2, DEFAULT = 3, NORMAL = 4, WEAKEST = 6;
const NONE = 0, FORWARD = 1, BACKWARD = 2;

class Variable {
  constructor(value) {
    this.value = value;
    this.constraints = [];
    this.determinedBy = null;
    this.mark = 0;
    this.strength = WEAKEST;
    this.stays = true;
  }
  forget(c) {
    const i = this.constraints.indexOf(c);
    if (i >= 0) this.constraints.splice(i, 1);
    if (this.determinedBy === c) this.determinedBy = null;
  }
}

// A smaller number is a stronger constraint. Subclasses say what they connect and compute.
class Constraint {
  constructor(planner, strength) {
    this.planner = planner;
    this.strength = strength;
  }
  isInput() { return false; }
  add() {
    this.connect();
    this.planner.add(this);
  }
  destroy() {
    if (this.isSatisfied()) this.planner.remove(this);
    else this.disconnect();
  }
  // Tries to satisfy this one; gives the constraint that had to yield, or null.
  satisfy(mark) {
    this.choose(mark);
    if (!this.isSatisfied()) {
      if (this.strength === REQUIRED) throw new Error("a required constraint cannot be satisfied");
      return null;
    }
    this.markInputs(mark);
    const out = this.output();
    const beaten = out.determinedBy;
    if (beaten !== null) beaten.release();
    out.determinedBy = this;
    if (!this.planner.propagate(this, mark)) throw new Error("a cycle of constraints");
    out.mark = mark;
    return beaten;
  }
}

class Unary extends Constraint {
  constructor(planner, strength, out) {
    super(planner, strength);
    this.out = out;
    this.satisfied = false;
    this.add();
  }
  connect() {
    this.out.constraints.push(this);
    this.satisfied = false;
  }
  disconnect() {
    this.out.forget(this);
    this.satisfied = false;
  }
  isSatisfied() { return this.satisfied; }
  choose(mark) { this.satisfied = this.out.mark !== mark && this.strength < this.out.strength; }
  markInputs(mark) {}
  inputsKnown(mark) { return true; }
  output() { return this.out; }
  release() { this.satisfied = false; }
  recalculate() {
    this.out.strength = this.strength;
    this.out.stays = !this.isInput();
  }
  execute() {}
}

class Stay extends Unary {}

class Edit extends Unary {
  isInput() { return true; }
}

class Binary extends Constraint {
  constructor(planner, strength, left, right) {
    super(planner, strength);
    this.left = left;
    this.right = right;
    this.direction = NONE;
  }
  connect() {
    this.left.constraints.push(this);
    this.right.constraints.push(this);
    this.direction = NONE;
  }
  disconnect() {
    this.left.forget(this);
    this.right.forget(this);
    this.direction = NONE;
  }
  isSatisfied() { return this.direction !== NONE; }
  choose(mark) {
    const a = this.left, b = this.right;
    if (a.mark === mark) {
      this.direction = b.mark !== mark && this.strength < b.strength ? FORWARD : NONE;
    } else if (b.mark === mark) {
      this.direction = this.strength < a.strength ? BACKWARD : NONE;
    } else if (a.strength > b.strength) {
      this.direction = this.strength < a.strength ? BACKWARD : NONE;
    } else {
      this.direction = this.strength < b.strength ? FORWARD : NONE;
    }
  }
  input() { return this.direction === FORWARD ? this.left : this.right; }
  output() { return this.direction === FORWARD ? this.right : this.left; }
  markInputs(mark) { this.input().mark = mark; }
  inputsKnown(mark) {
    const v = this.input();
    return v.mark === mark || v.stays || v.determinedBy === null;
  }
  release() { this.direction = NONE; }
  recalculate() {
    const from = this.input(), to = this.output();
    to.strength = from.strength > this.strength ? from.strength : this.strength;
    to.stays = from.stays;
    if (to.stays) this.execute();
  }
}

class Equality extends Binary {
  constructor(planner, strength, left, right) {
    super(planner, strength, left, right);
    this.add();
  }
  execute() { this.output().value = this.input().value; }
}

// right = left * scale + offset
class Scale extends Binary {
  constructor(planner, strength, left, scale, offset, right) {
    super(planner, strength, left, right);
    this.scale = scale;
    this.offset = offset;
    this.add();
  }
  connect() {
    super.connect();
    this.scale.constraints.push(this);
    this.offset.constraints.push(this);
  }
  disconnect() {
    super.disconnect();
    this.scale.forget(this);
    this.offset.forget(this);
  }
  markInputs(mark) {
    super.markInputs(mark);
    this.scale.mark = mark;
    this.offset.mark = mark;
  }
  recalculate() {
    const from = this.input(), to = this.output();
    to.strength = from.strength > this.strength ? from.strength : this.strength;
    to.stays = from.stays && this.scale.stays && this.offset.stays;
    if (to.stays) this.execute();
  }
  execute() {
    if (this.direction === FORWARD) this.right.value = this.left.value * this.scale.value + this.offset.value;
    else this.left.value = Math.trunc((this.right.value - this.offset.value) / this.scale.value);
  }
}

class Planner {
  constructor() { this.lastMark = 0; }
  nextMark() { return ++this.lastMark; }
  add(c) {
    const mark = this.nextMark();
    let beaten = c.satisfy(mark);
    while (beaten !== null) beaten = beaten.satisfy(mark);
  }
  remove(c) {
    const out = c.output();
    c.release();
    c.disconnect();
    const open = this.releaseFrom(out);
    for (let strength = REQUIRED; strength < WEAKEST; strength++)
      for (const u of open) if (u.strength === strength) this.add(u);
  }
  propagate(c, mark) {
    const todo = [c];
    while (todo.length > 0) {
      const d = todo.pop();
      const out = d.output();
      if (out.mark === mark) {
        this.remove(c);
        return false;
      }
      d.recalculate();
      this.addConsumers(out, todo);
    }
    return true;
  }
  // Clears what `out` determined; gives the constraints that might be satisfied now.
  releaseFrom(out) {
    out.determinedBy = null;
    out.strength = WEAKEST;
    out.stays = true;
    const open = [], todo = [out];
    while (todo.length > 0) {
      const v = todo.pop();
      for (const c of v.constraints) {
        if (!c.isSatisfied()) open.push(c);
        else if (c !== v.determinedBy) {
          c.recalculate();
          todo.push(c.output());
        }
      }
    }
    return open;
  }
  addConsumers(v, list) {
    for (const c of v.constraints) if (c !== v.determinedBy && c.isSatisfied()) list.push(c);
  }
  // The constraints to execute, in order, when the sources' values change.
  plan(sources) {
    const mark = this.nextMark();
    const plan = [], todo = sources.filter(c => c.isInput() && c.isSatisfied());
    while (todo.length > 0) {
      const c = todo.pop();
      const out = c.output();
      if (out.mark !== mark && c.inputsKnown(mark)) {
        plan.push(c);
        out.mark = mark;
        this.addConsumers(out, todo);
      }
    }
    return plan;
  }
  change(v, value) {
    const edit = new Edit(this, PREFERRED, v);
    const plan = this.plan([edit]);
    for (let i = 0; i < 10; i++) {
      v.value = value;
      for (const c of plan) c.execute();
    }
    edit.destroy();
  }
}

function chain(n) {
  const planner = new Planner();
  const first = new Variable(0);
  let last = first;
  for (let i = 0; i < n; i++) {
    const v = new Variable(0);
    new Equality(planner, REQUIRED, last, v);
    last = v;
  }
  new Stay(planner, DEFAULT, last);
  const edit = new Edit(planner, PREFERRED, first);
  const plan = planner.plan([edit]);
  let sum = 0;
  for (let i = 0; i < 100; i++) {
    first.value = i;
    for (const c of plan) c.execute();
    sum += last.value;
  }
  edit.destroy();
  return sum;
}

function projection(n) {
  const planner = new Planner();
  const scale = new Variable(10), offset = new Variable(1000);
  let source = null, target = null;
  const targets = [];
  for (let i = 0; i < n; i++) {
    source = new Variable(i);
    target = new Variable(i);
    targets.push(target);
    new Stay(planner, NORMAL, source);
    new Scale(planner, REQUIRED, source, scale, offset, target);
  }
  planner.change(source, 17);
  let sum = target.value;
  planner.change(target, 1050);
  sum += source.value;
  planner.change(scale, 5);
  for (const t of targets) sum += t.value;
  planner.change(offset, 2000);
  for (const t of targets) sum += t.value;
  return sum;
}

// Repeated: all from here on.
let sum = 0;
for (let i = 0; i < rounds; i++) sum += chain(100) + projection(100);
console.log(`${sum}`);
