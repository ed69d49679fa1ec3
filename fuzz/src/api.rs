//! Scripts that call whatever the library has with whatever there is: a few values, then calls of methods, operators and functions
//! on them, each caught, so that one script tries many.

use crate::corpus::Corpus;
use crate::{Rng, pick};
use std::fmt::Write as _;

const HEAD: &str = "\
import gc; import math; import time; import test; import future; import task; import thread; import parallel;
import channel { Channel }; import sync; import shared; import weaver; import jobs; import workers;
class Plain { var a = 1; string s = \"s\"; int n = 2; float f = 0.5; var c = null; function Plain(c = null) { self.c = c; } function twice() { return self.n * 2; } }
class Hooked { var inner = [3, 1, 2]; function to_string() { return \"hooked\"; } function equals(o) { return true; } function hash() { return 7; }
  function compare(o) { return -1; } function get_index(i) { return i; } function set_index(i, v) { self.inner = v; } function call(...a) { return a; }
  function iterate() { return self.inner; } function add(o) { return 5; } function contains(x) { return false; } }
class Odd { function to_string() { return 5; } function equals(o) { throw new Error(\"eq\"); } function hash() { return \"h\"; } function compare(o) { return \"c\"; } function iterate() { return null; } }
class Hostile { function to_string() { store.pop(); return \"x\"; } function equals(o) { store.clear(); return false; } function compare(o) { store.push(o); return 1; } function hash() { store.clear(); return 1; } }
class Traced : Proxy { function read(key) { return super.read(key); } function write(key, value) { return super.write(key, value); } function wrap(child) { return super.wrap(child); } }
function* gen() { yield 1; yield [2]; yield \"three\"; }
function f0() { return 0; } function f1(x) { return x; } function f2(x, y) { return x == y; } function fall(...xs) { return xs; } function bad(...x) { throw new ValueError(\"bad\"); }
function slow(...x) { yield; return x; }
var store = [1, 2, 3];
";

const VALUES: [&str; 76] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "63",
    "64",
    "65536",
    "int.MAX",
    "int.MIN",
    "4611686018427387904",
    "-4611686018427387905",
    "0.0",
    "-0.0",
    "1.5",
    "-2.5",
    "1e308",
    "1e-320",
    "(0.0 / 0.0)",
    "(1.0 / 0.0)",
    "12345678901234567890n",
    "-7n",
    "0n",
    "2n ** 200",
    "\"\"",
    "\"a\"",
    "\"abc\"",
    "\"äöü\\u{1F600}\"",
    "\"a,b;c\\nd\"",
    "\"12\"",
    "\"x\".repeat(300)",
    "\"é\".repeat(100)",
    "\"{} {:>5} {x}\"",
    "Bytes(\"ab\")",
    "Bytes(\"\")",
    "Bytes(\"x\".repeat(100))",
    "[]",
    "[1]",
    "[3, 1, 2]",
    "[\"b\", \"a\"]",
    "[null, 1.5, \"x\", [1]]",
    "[[1, 2], [3]]",
    "[1, \"a\"]",
    "{}",
    "{a: 1}",
    "{a: 1, b: [2], [3]: 4}",
    "IntArray(3)",
    "IntArray([5, 3, 9])",
    "FloatArray([0.5, 2.5])",
    "FloatArray(0)",
    "0..5",
    "5..0",
    "0..=3",
    "int.MIN..int.MAX",
    "0.5..2.5",
    "new Plain()",
    "new Plain([1])",
    "new Hooked()",
    "new Odd()",
    "new Hostile()",
    "store",
    "share([1, [2], {a: 3}])",
    "share(new Plain({k: [1]}))",
    "unlocked([3, 1, 2])",
    "unlocked({a: 1})",
    "gen()",
    "f1",
    "f2",
    "fall",
    "bad",
    "slow",
    "x => x",
    "(a, b) => a < b",
];

const VALUES_MORE: [&str; 36] = [
    "spawn slow(1)",
    "spawn bad()",
    "Task.current()",
    "Thread.current()",
    "new Thread(\"t\")",
    "new Channel(1)",
    "new Channel()",
    "new Error(\"e\")",
    "new TypeError(\"t\")",
    "Plain",
    "Hooked",
    "int",
    "float",
    "string",
    "Array",
    "Map",
    "Error",
    "math",
    "print",
    "WeakRef([1])",
    "new sync.Lock()",
    "new sync.Semaphore(1)",
    "new sync.Event()",
    "new shared.SharedMap()",
    "new shared.SharedCounter()",
    "new shared.SharedQueue()",
    "share([1], Traced)",
    "unshare(share([1, 2]))",
    "[share([1])]",
    "new Thread(\"u\").spawn(() => [1, {a: 2}])",
    "await new Thread(\"v\").spawn(() => [1, [2], {a: 2}])",
    "await new Thread(\"v\").spawn(() => new Plain([7]))",
    "await new Thread(\"w\").spawn(() => IntArray([1, 2, 3]))",
    "copy([1, [2]])",
    "new sync.Barrier(1)",
    "new sync.RWLock()",
];

const OPERATORS: [&str; 22] = [
    "+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>", "&&", "||",
    "??", "in", "..",
];

const FUNCTIONS: [&str; 34] = [
    "print",
    "string",
    "repr",
    "int",
    "float",
    "bool",
    "type",
    "copy",
    "share",
    "lock",
    "unlock",
    "unshare",
    "sleep",
    "Bytes",
    "IntArray",
    "FloatArray",
    "BigInt",
    "WeakRef",
    "Array",
    "Map",
    "hash",
    "math.floor",
    "math.sqrt",
    "math.gcd",
    "math.clamp",
    "math.random_int",
    "future.all",
    "future.any",
    "future.race",
    "future.timeout",
    "test.assert_equal",
    "parallel.parallel_map",
    "time.measure",
    "spawn slow",
];

fn value(rng: &mut Rng, names: u32) -> String {
    match rng.below(10) {
        0..=3 if names > 0 => format!("v{}", rng.below(names)),
        8 => pick(rng, &VALUES_MORE).to_owned(),
        _ => pick(rng, &VALUES).to_owned(),
    }
}

fn arguments(rng: &mut Rng, names: u32) -> String {
    let count = [0, 1, 1, 1, 2, 2, 3][rng.below(7) as usize];
    let values: Vec<String> = (0..count).map(|_| value(rng, names)).collect();
    values.join(", ")
}

/// An expression that nobody wrote.
fn expression(rng: &mut Rng, corpus: &Corpus, names: u32) -> String {
    let x = value(rng, names);
    match rng.below(14) {
        0 => format!("{x} {} {}", pick(rng, &OPERATORS), value(rng, names)),
        1 => format!("{x}[{}]", value(rng, names)),
        2 => format!("{x}[{}..{}]", value(rng, names), value(rng, names)),
        3 => format!("{}({})", pick(rng, &FUNCTIONS), arguments(rng, names)),
        4 => format!("`${{{x}}}`"),
        5 => format!("({x})({})", arguments(rng, names)),
        6 => format!("[...{x}]"),
        7 => format!("match ({x}) {{ [a, ...b] => b, {{a, ...r}} => r, int n => n, _ => 0 }}"),
        _ => {
            let member = &corpus.members[rng.below(corpus.members.len() as u32) as usize];
            if rng.one_in(6) {
                format!("({x}).{member}")
            } else {
                format!("({x}).{member}({})", arguments(rng, names))
            }
        }
    }
}

/// A script of such expressions.
pub fn script(rng: &mut Rng, corpus: &Corpus) -> String {
    let mut text = String::from(HEAD);
    text.push_str("function unlocked(x) { var p = share(x); unlock(p, \"sync\"); return p; }\n");
    let names = 3 + rng.below(4);
    for n in 0..names {
        let _ = writeln!(text, "var v{n} = {};", value(rng, n));
    }
    for _ in 0..3 + rng.below(25) {
        let e = expression(rng, corpus, names);
        let target = rng.below(names);
        let statement = match rng.below(10) {
            0 => format!("v{target} = {e};"),
            1 => format!("v{target}[{}] = {e};", value(rng, names)),
            2 => format!("for (q in {e}) {{ print(q); break; }}"),
            3 => format!("store.push({e});"),
            4 => format!("v{target}.{} = {e};", ["a", "n", "f", "s", "c"][rng.below(5) as usize]),
            5 => "gc.collect();".to_owned(),
            _ => format!("print({e});"),
        };
        let _ = writeln!(text, "try {{ {statement} }} catch (e) {{ print(e); }}");
    }
    text
}
