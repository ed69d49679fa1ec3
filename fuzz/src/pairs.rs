//! Generated programs in which two threads and the master work on the same data, through proxies in every state of their lock: what is read,
//! written, killed, sent and collected is drawn; whether the outcome depends on anything but the seed is what the target looks at.

use crate::{Rng, pick};
use std::fmt::Write as _;

const DATA: [&str; 9] = [
    "[1, 2, 3]",
    "[[1], [2, [3]], {a: 4}]",
    "{a: 1, b: [2], c: {d: 3}}",
    "IntArray([1, 2, 3, 4])",
    "FloatArray([0.5, 1.5])",
    "new Node(1, new Node(2, null))",
    "new Box([1, 2])",
    "[new Node(1, null), new Node(2, null)]",
    "{list: [], map: {}, node: new Node(0, null)}",
];

const HEAD: &str = "\
import gc; import channel { Channel };
class Node { int n = 0; var next = null; function Node(n, next) { self.n = n; self.next = next; } function up() { self.n += 1; return self.n; } function sum() { return self.n + (self.next == null ? 0 : self.next.sum()); } }
class Box { var content; function Box(c) { self.content = c; } function put(x) { self.content = x; return self; } }
var log = [];
function note(x) { log.push(string(x)); }
";

/// A statement about the shared value `p`; `k` is the number of the worker.
fn statement(rng: &mut Rng, depth: u32) -> String {
    let small = rng.below(4);
    let number = rng.below(100);
    match rng.below(46) {
        0 => format!("p.push({number});"),
        1 => format!("p.push([{number}, [k]]);"),
        2 => "p.pop();".into(),
        3 => format!("p[{small}] = {number};"),
        4 => format!("p[{small}] = [{number}];"),
        5 => format!("p[{small}] = {{a: k}};"),
        6 => format!("p[\"a\"] = {number};"),
        7 => format!("p[`k${{k}}`] = [{number}];"),
        8 => "p.remove(\"a\");".into(),
        9 => "p.clear();".into(),
        10 => "p.sort();".into(),
        11 => "p.reverse();".into(),
        12 => format!("p.n = {number};"),
        13 => format!("p.next = new Node({number}, null);"),
        14 => "p.next = p;".into(),
        15 => "p.next.up();".into(),
        16 => "p.put([k, [k]]);".into(),
        17 => format!("p.content.push({number});"),
        18 => "note(p.length);".into(),
        19 => "note(p);".into(),
        20 => "note(`${p}`.length > 0);".into(),
        21 => format!("note(p[{small}]);"),
        22 => format!("note(p[{small}][0]);"),
        23 => "for (x in p) { note(x); }".into(),
        24 => "for (x, y in p) { note(x); }".into(),
        25 => "note(copy(p).equals(p));".into(),
        26 => "var c = copy(p); c.push(1); note(c.length);".into(),
        27 => "note(p.sum());".into(),
        28 => "note(p.map(x => x));".into(),
        29 => format!("note(p.slice(0, {small}));"),
        30 => format!("p.insert({small}, [k]);"),
        31 => "p.push_all([1, [2], 3]);".into(),
        32 => "keep.push(p);".into(),
        33 => format!("keep.push(p[{small}]);"),
        34 => "keep.clear();".into(),
        35 => "gc.collect();".into(),
        36 => "yield;".into(),
        37 => format!("sleep(0.00{small});"),
        38 => "ch.send(p);".into(),
        39 => format!("note(ch.try_receive({number}));"),
        40 => "Task.current().send(p); receive { x => note(x); after 0.001 => note(0); }".into(),
        41 => "spawn helper(p);".into(),
        42 => "other(p, k);".into(),
        _ if depth > 2 => "note(k);".into(),
        43 => format!("for (i in 0..{}) {{ {} }}", 2 + rng.below(60), caught(rng, depth + 1)),
        44 => format!("atomic {{ {} {} }}", caught(rng, depth + 1), caught(rng, depth + 1)),
        _ => format!(
            "if (p.length > {small}) {{ {} }} else {{ {} }}",
            caught(rng, depth + 1),
            caught(rng, depth + 1)
        ),
    }
}

fn caught(rng: &mut Rng, depth: u32) -> String {
    format!("try {{ {} }} catch (e) {{ note(type(e)); }}", statement(rng, depth))
}

fn body(rng: &mut Rng) -> String {
    (0..2 + rng.below(10)).map(|_| format!("    {}\n", caught(rng, 0))).collect()
}

/// A program.
pub fn program(rng: &mut Rng) -> String {
    let mut text = String::from(HEAD);
    let _ = writeln!(text, "var ch = new Channel({});", 1 + rng.below(4));
    let _ =
        writeln!(text, "function other(p, k) {{ Thread.current().send_message(q => {{ q.push(9); }}, p); }}");
    let _ = writeln!(text, "function helper(p) {{ var k = 7; var keep = [];\n{}}}", body(rng));
    let _ = writeln!(
        text,
        "function work(p, k) {{ var keep = []; var log = []; function note(x) {{ log.push(string(x)); }}"
    );
    let _ = writeln!(
        text,
        "    switch (k) {{ case 0:\n{}    break; default:\n{}    }}\n    return log.join(\" \");\n}}",
        body(rng),
        body(rng)
    );
    let _ = writeln!(text, "var data = {}; var p = share(data);", pick(rng, &DATA));
    text.push_str(["", "unlock(p);\n", "unlock(p, \"sync\");\n", "unlock(p);\n"][rng.below(4) as usize]);
    let _ = writeln!(text, "var a = new Thread(\"a\"); var b = new Thread(\"b\");");
    let direct = ["p", "p", "data", "copy(p)"][rng.below(4) as usize];
    let wrapped = if rng.one_in(3) { "(p, k) => work(unshare(p), k)" } else { "work" };
    let _ = writeln!(text, "var fa = a.spawn({wrapped}, {direct}, 0); var fb = b.spawn(work, p, 1);");
    let _ = writeln!(text, "var k = 5; var keep = [];\n{}", body(rng));
    match rng.below(6) {
        0 => text.push_str("try { fa.task.kill(); } catch (e) { print(type(e)); }\n"),
        1 => text.push_str("a.end();\n"),
        2 => text.push_str("fb = null; gc.collect();\n"),
        3 => text.push_str("p = null; data = null; gc.collect();\n"),
        _ => {}
    }
    let _ = writeln!(
        text,
        "for (f in [fa, fb]) {{ try {{ if (f != null) print(await f); }} catch (e) {{ print(type(e)); }} }}"
    );
    text.push_str("print(log.join(\" \")); print(data);\n");
    if rng.one_in(2) {
        text.push_str("a.end(); b.end(); a.join(); b.join(); gc.collect(); print(data);\n");
    }
    text
}
