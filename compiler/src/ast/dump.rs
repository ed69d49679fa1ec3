//! The tree as text, for tests and `corella check --tree`: one statement a line, bodies indented, expressions in parentheses.
//! Recurses over the tree, which the parser keeps shallow.

mod expr;

use super::*;
use std::fmt::Write;

/// The statements of a module as text.
pub fn dump(module: &Module<'_>) -> String {
    let mut d = Dump { out: String::new(), indent: 0 };
    d.stmts(module.body);
    d.out
}

struct Dump {
    out: String,
    indent: usize,
}

impl Dump {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.indent {
            self.out.push_str("  ");
        }
    }

    fn stmts(&mut self, list: &[Stmt<'_>]) {
        for s in list {
            if !self.out.is_empty() {
                self.line();
            }
            self.stmt(s);
        }
    }

    fn block(&mut self, b: &Block<'_>) {
        self.body(b.stmts);
    }

    fn body(&mut self, list: &[Stmt<'_>]) {
        self.put(" {");
        self.indent += 1;
        self.stmts(list);
        self.indent -= 1;
        self.put("}");
    }

    fn nested(&mut self, s: &Stmt<'_>) {
        self.indent += 1;
        self.line();
        self.stmt(s);
        self.indent -= 1;
    }

    fn stmt(&mut self, s: &Stmt<'_>) {
        match &s.kind {
            StmtKind::Empty => self.put("empty"),
            StmtKind::Error => self.put("error"),
            StmtKind::Expr(e) => self.expr(e),
            StmtKind::Decl(d) => self.decl(d),
            StmtKind::Block(b) => {
                self.put("block");
                self.block(b);
            }
            StmtKind::If { arms, otherwise } => {
                for (i, arm) in arms.iter().enumerate() {
                    if i > 0 {
                        self.line();
                    }
                    self.put(if i == 0 { "if " } else { "elseif " });
                    self.expr(arm.cond);
                    self.nested(arm.body);
                }
                if let Some(s) = otherwise {
                    self.line();
                    self.put("else");
                    self.nested(s);
                }
            }
            StmtKind::While { cond, body } => {
                self.put("while ");
                self.expr(cond);
                self.nested(body);
            }
            StmtKind::DoWhile { body, cond } => {
                self.put("do-while ");
                self.expr(cond);
                self.nested(body);
            }
            StmtKind::For { init, cond, step, body } => {
                self.put("for (");
                match init {
                    Some(ForInit::Var(v)) => self.var(v),
                    Some(ForInit::Exprs(list)) => self.exprs(list),
                    None => {}
                }
                self.put("; ");
                self.opt(*cond);
                self.put("; ");
                self.exprs(step);
                self.put(")");
                self.nested(body);
            }
            StmtKind::ForIn { vars, iter, body } => {
                self.put("for-in (");
                for (i, v) in vars.iter().enumerate() {
                    self.put(if i > 0 { ", " } else { "" });
                    self.typed(v.ty.as_ref());
                    self.pattern(&v.pattern);
                }
                self.put(" in ");
                self.expr(iter);
                self.put(")");
                self.nested(body);
            }
            StmtKind::Switch { value, cases } => {
                self.put("switch ");
                self.expr(value);
                for case in *cases {
                    self.line();
                    self.put("case (");
                    self.exprs(case.values);
                    self.put(")");
                    self.body(case.body);
                }
            }
            StmtKind::Labelled { label, body } => {
                let _ = write!(self.out, "label {}", label.text);
                self.nested(body);
            }
            StmtKind::Break(n) => self.jump("break", n.as_ref()),
            StmtKind::Continue(n) => self.jump("continue", n.as_ref()),
            StmtKind::Return(e) => {
                self.put(if e.is_some() { "return " } else { "return" });
                self.opt(*e);
            }
            StmtKind::Throw(e) => {
                self.put("throw ");
                self.expr(e);
            }
            StmtKind::Try { body, catches, finally } => {
                self.put("try");
                self.block(body);
                for c in *catches {
                    self.line();
                    self.put("catch ");
                    self.typed(c.ty.as_ref());
                    self.put(c.name.map_or("_", |n| n.text));
                    self.block(&c.body);
                }
                if let Some(b) = finally {
                    self.line();
                    self.put("finally");
                    self.block(b);
                }
            }
            StmtKind::Match(m) => self.match_(m),
            StmtKind::Receive(r) => self.receive(r),
            StmtKind::Atomic(b) => {
                self.put("atomic");
                self.block(b);
            }
            StmtKind::Scope(b) => {
                self.put("scope");
                self.block(b);
            }
            StmtKind::InlineOp(op) => {
                let _ = write!(self.out, "op {} (", op.name.text);
                self.exprs(op.operands);
                self.put(")");
            }
        }
    }

    fn jump(&mut self, word: &str, label: Option<&Name<'_>>) {
        self.put(word);
        if let Some(n) = label {
            let _ = write!(self.out, " {}", n.text);
        }
    }

    fn decl(&mut self, d: &Decl<'_>) {
        if let Some(doc) = d.doc {
            let _ = write!(self.out, "doc {doc:?} ");
        }
        self.put(if d.exported { "export " } else { "" });
        match &d.kind {
            DeclKind::Var(v) => self.var(v),
            DeclKind::Function(f) => self.function(f),
            DeclKind::Class(c) => {
                let _ = write!(self.out, "class {}", c.name.text);
                if let Some(base) = &c.base {
                    self.put(" : ");
                    self.path(base);
                }
                self.members(c.members);
            }
            DeclKind::Extend(e) => {
                self.put("extend ");
                self.path(&e.class);
                self.members(e.members);
            }
            DeclKind::Namespace(n) => {
                self.put("namespace ");
                self.path(&n.path);
                self.block(&n.body);
            }
            DeclKind::Import(i) => {
                self.put("import ");
                match &i.source {
                    ImportSource::Path(p) => self.path(p),
                    ImportSource::File { text, .. } => {
                        let _ = write!(self.out, "{text:?}");
                    }
                }
                if let Some(a) = i.alias {
                    let _ = write!(self.out, " as {}", a.text);
                }
                for n in i.names {
                    let _ = write!(self.out, " ({} as {})", n.name.text, n.alias.text);
                }
            }
        }
    }

    fn members(&mut self, members: &[Member<'_>]) {
        self.put(" {");
        self.indent += 1;
        for m in members {
            self.line();
            if let Some(doc) = m.doc {
                let _ = write!(self.out, "doc {doc:?} ");
            }
            match &m.kind {
                MemberKind::Attributes(v) => {
                    self.put("attributes ");
                    self.var(v);
                }
                MemberKind::Constants(v) => self.var(v),
                MemberKind::Constructor(f) => {
                    self.put("constructor ");
                    self.function(f);
                }
                MemberKind::Method(f) => self.function(f),
                MemberKind::StaticMethod(f) => {
                    self.put("static ");
                    self.function(f);
                }
            }
        }
        self.indent -= 1;
        self.put("}");
    }

    fn var(&mut self, v: &VarDecl<'_>) {
        self.put(if v.is_const { "const " } else { "var " });
        self.typed(v.ty.as_ref());
        for (i, b) in v.bindings.iter().enumerate() {
            self.put(if i > 0 { ", " } else { "" });
            self.pattern(&b.target);
            if let Some(e) = b.init {
                self.put(" = ");
                self.expr(e);
            }
        }
    }

    fn function(&mut self, f: &Function<'_>) {
        self.put(if f.is_generator { "function*" } else { "function" });
        if let Some(n) = f.name {
            let _ = write!(self.out, " {}", n.text);
        }
        self.put(" (");
        for (i, p) in f.params.iter().enumerate() {
            self.put(if i > 0 { ", " } else { "" });
            self.put(if p.is_rest { "..." } else { "" });
            self.typed(p.ty.as_ref());
            self.put(p.name.text);
            if let Some(e) = p.default {
                self.put(" = ");
                self.expr(e);
            }
        }
        self.put(")");
        if let Some(t) = &f.result {
            self.put(" -> ");
            self.ty(t);
        }
        match &f.body {
            FunctionBody::Block(b) => self.block(b),
            FunctionBody::Expr(e) => {
                self.put(" => ");
                self.expr(e);
            }
        }
    }

    fn path(&mut self, p: &Path<'_>) {
        for (i, n) in p.segments.iter().enumerate() {
            self.put(if i > 0 { "." } else { "" });
            self.put(n.text);
        }
    }

    fn ty(&mut self, t: &TypeRef<'_>) {
        match &t.kind {
            TypeKind::Int => self.put("int"),
            TypeKind::Float => self.put("float"),
            TypeKind::Bool => self.put("bool"),
            TypeKind::String => self.put("string"),
            TypeKind::Named(p) => {
                self.put("class:");
                self.path(p);
            }
        }
    }

    fn typed(&mut self, t: Option<&TypeRef<'_>>) {
        if let Some(t) = t {
            self.ty(t);
            self.put(" ");
        }
    }

    fn match_(&mut self, m: &Match<'_>) {
        self.put("match ");
        self.expr(m.value);
        self.arms(m.arms);
    }

    fn receive(&mut self, r: &Receive<'_>) {
        self.put("receive");
        self.arms(r.arms);
        if let Some(after) = &r.after {
            self.indent += 1;
            self.line();
            self.put("after ");
            self.expr(after.seconds);
            self.arm_body(&after.body);
            self.indent -= 1;
        }
    }

    fn arms(&mut self, arms: &[MatchArm<'_>]) {
        self.indent += 1;
        for arm in arms {
            self.line();
            self.pattern(&arm.pattern);
            if let Some(e) = arm.guard {
                self.put(" if ");
                self.expr(e);
            }
            self.arm_body(&arm.body);
        }
        self.indent -= 1;
    }

    fn arm_body(&mut self, body: &ArmBody<'_>) {
        self.put(" =>");
        match body {
            ArmBody::Expr(e) => {
                self.put(" ");
                self.expr(e);
            }
            ArmBody::Block(b) => self.block(b),
            ArmBody::Stmt(s) => {
                self.put(" ");
                self.stmt(s);
            }
        }
    }

    fn pattern(&mut self, p: &Pattern<'_>) {
        match &p.kind {
            PatternKind::Wildcard => self.put("_"),
            PatternKind::Bind(n) => self.put(n.text),
            PatternKind::Constant(path) => {
                self.put("constant:");
                self.path(path);
            }
            PatternKind::Literal(e) => self.expr(e),
            PatternKind::Range { start, end, inclusive } => {
                self.opt(*start);
                self.put(if *inclusive { "..=" } else { ".." });
                self.opt(*end);
            }
            PatternKind::Type { ty, name } => {
                self.put("is ");
                self.ty(ty);
                if let Some(n) = name {
                    let _ = write!(self.out, " as {}", n.text);
                }
            }
            PatternKind::Array { items, rest } => {
                self.put("[");
                for (i, item) in items.iter().enumerate() {
                    self.put(if i > 0 { ", " } else { "" });
                    self.pattern(item);
                }
                self.rest(rest.as_ref());
                self.put("]");
            }
            PatternKind::Map { entries, rest } => {
                self.put("{");
                for (i, e) in entries.iter().enumerate() {
                    let _ = write!(self.out, "{}{:?}: ", if i > 0 { ", " } else { "" }, e.key.text);
                    self.pattern(&e.value);
                }
                self.rest(rest.as_ref());
                self.put("}");
            }
            PatternKind::Default { pattern, value } => {
                self.pattern(pattern);
                self.put(" = ");
                self.expr(value);
            }
            PatternKind::Or(list) => {
                for (i, p) in list.iter().enumerate() {
                    self.put(if i > 0 { " | " } else { "" });
                    self.pattern(p);
                }
            }
        }
    }

    fn rest(&mut self, rest: Option<&RestPattern<'_>>) {
        if let Some(r) = rest {
            let _ = write!(self.out, " ...{}", r.name.map_or("", |n| n.text));
        }
    }

    fn opt(&mut self, e: Option<&Expr<'_>>) {
        if let Some(e) = e {
            self.expr(e);
        }
    }

    fn exprs(&mut self, list: &[&Expr<'_>]) {
        for (i, e) in list.iter().enumerate() {
            self.put(if i > 0 { ", " } else { "" });
            self.expr(e);
        }
    }

    fn items(&mut self, list: &[Item<'_>]) {
        for item in list {
            self.put(if item.spread { " ..." } else { " " });
            self.expr(item.value);
        }
    }

    fn target(&mut self, t: &Target<'_>) {
        match &t.kind {
            TargetKind::Name(n) => self.put(n.text),
            TargetKind::Member { object, name } => {
                let _ = write!(self.out, "(.{} ", name.text);
                self.expr(object);
                self.put(")");
            }
            TargetKind::Index { object, index } => {
                self.put("(index ");
                self.exprs(&[object, index]);
                self.put(")");
            }
            TargetKind::Array { items, rest } => {
                self.put("[");
                for t in *items {
                    self.target(t);
                    self.put(" ");
                }
                if let Some(t) = rest {
                    self.put("...");
                    self.target(t);
                }
                self.put("]");
            }
            TargetKind::Map { entries, rest } => {
                self.put("{");
                for (key, t) in *entries {
                    let _ = write!(self.out, "{:?}: ", key.text);
                    self.target(t);
                    self.put(" ");
                }
                if let Some(t) = rest {
                    self.put("...");
                    self.target(t);
                }
                self.put("}");
            }
        }
    }
}
