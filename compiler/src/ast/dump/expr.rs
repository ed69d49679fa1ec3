//! The dump's part for expressions.

use super::Dump;
use crate::ast::*;
use std::fmt::Write;

impl Dump {
    /// `(head a b)`
    fn form(&mut self, head: &str, operands: &[&Expr<'_>]) {
        let _ = write!(self.out, "({head}");
        for e in operands {
            self.put(" ");
            self.expr(e);
        }
        self.put(")");
    }

    pub(super) fn expr(&mut self, e: &Expr<'_>) {
        match &e.kind {
            ExprKind::Null => self.put("null"),
            ExprKind::Bool(b) => self.put(if *b { "true" } else { "false" }),
            ExprKind::Int(n) => {
                let _ = write!(self.out, "{n}");
            }
            ExprKind::Float(x) => {
                let _ = write!(self.out, "{x:?}");
            }
            ExprKind::BigInt(digits) => {
                let _ = write!(self.out, "{digits}n");
            }
            ExprKind::String(s) => {
                let _ = write!(self.out, "{s:?}");
            }
            ExprKind::Bytes(b) => {
                let _ = write!(self.out, "bytes{b:?}");
            }
            ExprKind::Template(parts) => {
                self.put("(template");
                for part in *parts {
                    self.put(" ");
                    match part {
                        TemplatePart::Text(s) => {
                            let _ = write!(self.out, "{s:?}");
                        }
                        TemplatePart::Expr(e) => self.expr(e),
                    }
                }
                self.put(")");
            }
            ExprKind::Array(list) => {
                self.put("(array");
                self.items(list);
                self.put(")");
            }
            ExprKind::Map(entries) => self.map(entries),
            ExprKind::Lambda(f) => {
                self.put("(");
                self.function(f);
                self.put(")");
            }
            ExprKind::Name(n) => self.put(n.text),
            ExprKind::SelfRef => self.put("self"),
            ExprKind::Unary { op, operand } => self.form(unary(*op), &[operand]),
            ExprKind::Binary { op, left, right, .. } => self.form(binary(*op), &[left, right]),
            ExprKind::Logical { op, left, right } => self.form(logical(*op), &[left, right]),
            ExprKind::Is { value, ty, negated } => {
                self.put(if *negated { "(is-not " } else { "(is " });
                self.expr(value);
                self.put(" ");
                self.ty(ty);
                self.put(")");
            }
            ExprKind::Conditional { cond, then, otherwise } => self.form("?:", &[cond, then, otherwise]),
            ExprKind::Range { start, end, inclusive } => {
                self.form(if *inclusive { "..=" } else { ".." }, &[start, end]);
            }
            ExprKind::Assign { target, value } => {
                self.put("(= ");
                self.target(target);
                self.put(" ");
                self.expr(value);
                self.put(")");
            }
            ExprKind::AssignOp { op, target, value, .. } => {
                let op = match op {
                    AssignOp::Binary(op) => binary(*op),
                    AssignOp::Logical(op) => logical(*op),
                };
                let _ = write!(self.out, "({op}= ");
                self.target(target);
                self.put(" ");
                self.expr(value);
                self.put(")");
            }
            ExprKind::Update { delta, prefix, target } => {
                let _ = write!(self.out, "({}{delta:+} ", if *prefix { "pre" } else { "post" });
                self.target(target);
                self.put(")");
            }
            ExprKind::Member { object, name, optional } => {
                self.form(&format!("{}.{}", question(*optional), name.text), &[object]);
            }
            ExprKind::Index { object, index, optional } => {
                self.form(&format!("{}index", question(*optional)), &[object, index]);
            }
            ExprKind::Slice { object, start, end, inclusive, optional } => {
                let _ = write!(self.out, "({}slice ", question(*optional));
                self.expr(object);
                self.put(" ");
                self.opt(*start);
                self.put(if *inclusive { "..=" } else { ".." });
                self.opt(*end);
                self.put(")");
            }
            ExprKind::Call { callee, args, optional } => {
                let _ = write!(self.out, "({}call ", question(*optional));
                self.expr(callee);
                self.items(args);
                self.put(")");
            }
            ExprKind::OptionalChain(inner) => self.form("chain", &[inner]),
            ExprKind::SuperCall(args) => {
                self.put("(super");
                self.items(args);
                self.put(")");
            }
            ExprKind::SuperMember(n) => {
                let _ = write!(self.out, "super.{}", n.text);
            }
            ExprKind::New { class, args } => {
                self.put("(new ");
                self.path(class);
                self.items(args);
                self.put(")");
            }
            ExprKind::Spawn(SpawnBody::Call(call)) => self.form("spawn", &[call]),
            ExprKind::Spawn(SpawnBody::Block(b)) => {
                self.put("(spawn");
                self.block(b);
                self.put(")");
            }
            ExprKind::Await(e) => self.form("await", &[e]),
            ExprKind::Yield(None) => self.put("(yield)"),
            ExprKind::Yield(Some(e)) => self.form("yield", &[e]),
            ExprKind::Match(m) => {
                self.put("(");
                self.match_(m);
                self.put(")");
            }
            ExprKind::Receive(r) => {
                self.put("(");
                self.receive(r);
                self.put(")");
            }
        }
    }

    fn map(&mut self, entries: &[MapEntry<'_>]) {
        self.put("(map");
        for entry in entries {
            self.put(" ");
            match entry {
                MapEntry::Named { key, value } => {
                    let _ = write!(self.out, "{:?}: ", key.text);
                    self.expr(value);
                }
                MapEntry::Computed { key, value } => {
                    self.put("[");
                    self.expr(key);
                    self.put("]: ");
                    self.expr(value);
                }
                MapEntry::Spread(e) => {
                    self.put("...");
                    self.expr(e);
                }
            }
        }
        self.put(")");
    }
}

fn question(optional: bool) -> &'static str {
    if optional { "?" } else { "" }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Plus => "+",
        UnaryOp::Not => "!",
        UnaryOp::BitNot => "~",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::Pow => "**",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::UShr => ">>>",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::NotIn => "not-in",
    }
}

fn logical(op: LogicalOp) -> &'static str {
    match op {
        LogicalOp::And => "&&",
        LogicalOp::Or => "||",
        LogicalOp::Coalesce => "??",
    }
}
