//! Actions for expressions.

use super::{Cx, Diagnostic};
use crate::ast::*;
use crate::diagnostic::brief;
use crate::limits::MAX_BIGINT_LITERAL;
use crate::literal;

const NOT_A_PLACE: &str =
    "only variables, attributes `a.b`, elements `a[i]` and lists of them can be assigned to";

impl<'a> Cx<'a> {
    pub(crate) fn expr(&self, kind: ExprKind<'a>, l: u32, r: u32) -> &'a Expr<'a> {
        self.alloc(Expr { kind, span: Span::new(l, r) })
    }

    // --- literals

    pub(crate) fn int(&self, l: u32, r: u32) -> &'a Expr<'a> {
        const MIN_MAGNITUDE: u64 = 1 << 63;
        let text = self.text(l, r);
        let value = match literal::int(text) {
            Some(n) if i64::try_from(n).is_ok() => n as i64,
            // The only one that fits with its sign and not without.
            Some(MIN_MAGNITUDE) if self.src[..l as usize].trim_end().ends_with('-') => i64::MIN,
            _ if !text.bytes().skip(2).any(|b| b.is_ascii_hexdigit())
                && text.len() > 1
                && literal::int(text).is_none() =>
            {
                self.error(
                    Span::new(l, r),
                    format!("`{text}` has no digits"),
                    "write digits after the prefix",
                );
                0
            }
            _ => {
                self.int_too_large(Span::new(l, r));
                0
            }
        };
        self.expr(ExprKind::Int(value), l, r)
    }

    fn int_too_large(&self, span: Span) {
        let text = brief(span.text(self.src));
        let help = format!("ints go from {} to {}; write `{text}n` for a BigInt", i64::MIN, i64::MAX);
        self.error(span, format!("{text} does not fit in an int"), &help);
    }

    pub(crate) fn bigint(&self, l: u32, r: u32) -> &'a Expr<'a> {
        if r - l > MAX_BIGINT_LITERAL {
            let message = format!("this number has more than {MAX_BIGINT_LITERAL} digits");
            self.error(Span::new(l, r), message, "read it from a file, or compute it");
            return self.expr(ExprKind::BigInt("0"), l, r);
        }
        let digits = literal::big(self.text(l, r));
        if digits.is_empty() {
            let message = format!("`{}` has no digits", self.text(l, r));
            self.error(Span::new(l, r), message, "write digits after the prefix");
        }
        self.expr(ExprKind::BigInt(self.arena.alloc_str(&digits)), l, r)
    }

    pub(crate) fn float(&self, l: u32, r: u32) -> &'a Expr<'a> {
        let value = literal::float(self.text(l, r));
        if !value.is_finite() {
            self.error(
                Span::new(l, r),
                format!("{} does not fit in a float", brief(self.text(l, r))),
                "floats go up to about 1.797e308; for infinity write `float.INFINITY`",
            );
        }
        self.expr(ExprKind::Float(value), l, r)
    }

    pub(crate) fn string(&self, l: u32, r: u32) -> &'a str {
        self.cooked(l + 1, r.saturating_sub(1))
    }

    pub(crate) fn raw_string(&self, l: u32, r: u32) -> &'a str {
        self.text(l + 2, r.saturating_sub(1))
    }

    pub(crate) fn template_text(&self, l: u32, r: u32) -> TemplatePart<'a> {
        TemplatePart::Text(self.cooked(l, r))
    }

    fn cooked(&self, l: u32, r: u32) -> &'a str {
        let body = self.text(l, r);
        if !body.contains(['\\', '\r']) {
            return body;
        }
        let mut bad = Vec::new();
        let text = literal::unescape(body, l, &mut bad);
        self.bad_literals(bad);
        self.arena.alloc_str(&text)
    }

    pub(crate) fn long_string(&self, l: u32, r: u32) -> &'a str {
        let whole = self.text(l, r);
        // A string that is not closed has been reported.
        let Some(body) = whole.strip_prefix("\"\"\"").and_then(|t| t.strip_suffix("\"\"\"")) else {
            return "";
        };
        let body = body.replace("\r\n", "\n");
        let text = match literal::dedent(&body) {
            Ok(text) => text,
            Err(_) => {
                self.error(
                    Span::new(l, r),
                    "a line of this string is indented less than its closing quotes",
                    "indent every line at least as far as the closing \"\"\"",
                );
                return "";
            }
        };
        let mut bad = Vec::new();
        let text = literal::unescape(&text, l, &mut bad);
        for mut b in bad {
            // Taking away the indentation has moved the places.
            b.span = Span::new(l, r);
            self.error(b.span, b.message, b.help);
        }
        self.arena.alloc_str(&text)
    }

    pub(crate) fn bytes(&self, l: u32, r: u32) -> &'a Expr<'a> {
        let mut bad = Vec::new();
        let body = self.text(l + 2, r.saturating_sub(1));
        let bytes = literal::unescape_bytes(body, l + 2, &mut bad);
        self.bad_literals(bad);
        self.expr(ExprKind::Bytes(self.arena.alloc_slice_copy(&bytes)), l, r)
    }

    // --- operators

    pub(crate) fn unary(&self, op: UnaryOp, operand: &'a Expr<'a>, l: u32, r: u32) -> &'a Expr<'a> {
        if op == UnaryOp::Neg && self.is_bare_min(operand) {
            return self.expr(ExprKind::Int(i64::MIN), l, r);
        }
        self.expr(ExprKind::Unary { op, operand }, l, r)
    }

    /// The literal 9223372036854775808, which needs the `-` before it.
    fn is_bare_min(&self, e: &Expr<'a>) -> bool {
        matches!(e.kind, ExprKind::Int(i64::MIN)) && self.text(e.span.lo, e.span.lo + 1) != "-"
    }

    pub(crate) fn binary(
        &self,
        op: BinaryOp,
        op_span: Span,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
    ) -> &'a Expr<'a> {
        for side in [left, right] {
            if self.is_bare_min(side) {
                self.int_too_large(side.span);
            }
        }
        self.expr(ExprKind::Binary { op, op_span, left, right }, left.span.lo, right.span.hi)
    }

    pub(crate) fn logical(&self, op: LogicalOp, left: &'a Expr<'a>, right: &'a Expr<'a>) -> &'a Expr<'a> {
        self.expr(ExprKind::Logical { op, left, right }, left.span.lo, right.span.hi)
    }

    // --- assignment

    pub(crate) fn assign(&self, place: &'a Expr<'a>, value: &'a Expr<'a>, l: u32, r: u32) -> &'a Expr<'a> {
        let target = self.target(place);
        self.expr(ExprKind::Assign { target, value }, l, r)
    }

    pub(crate) fn assign_op(
        &self,
        place: &'a Expr<'a>,
        op: AssignOp,
        op_span: Span,
        value: &'a Expr<'a>,
        l: u32,
        r: u32,
    ) -> &'a Expr<'a> {
        let target = self.single_target(place);
        self.expr(ExprKind::AssignOp { op, op_span, target, value }, l, r)
    }

    pub(crate) fn update(
        &self,
        delta: i8,
        prefix: bool,
        place: &'a Expr<'a>,
        l: u32,
        r: u32,
    ) -> &'a Expr<'a> {
        let target = self.single_target(place);
        self.expr(ExprKind::Update { delta, prefix, target }, l, r)
    }

    fn single_target(&self, e: &'a Expr<'a>) -> &'a Target<'a> {
        let target = self.target(e);
        if matches!(e.kind, ExprKind::Array(_) | ExprKind::Map(_)) {
            self.error(e.span, "only a single place can be changed so", "assign to a list with `=` only");
        }
        target
    }

    /// An expression as a place to assign to. Recursion is bounded by the nesting of brackets.
    fn target(&self, e: &'a Expr<'a>) -> &'a Target<'a> {
        let kind = match e.kind {
            ExprKind::Name(name) => TargetKind::Name(name),
            ExprKind::Member { object, name, optional: false } => TargetKind::Member { object, name },
            ExprKind::Index { object, index, optional: false } => TargetKind::Index { object, index },
            ExprKind::Array(items) => {
                let (rest, items) = match items {
                    [first @ .., last] if last.spread => (Some(self.target(last.value)), first),
                    _ => (None, items),
                };
                if let Some(spread) = items.iter().find(|i| i.spread) {
                    self.error(spread.value.span, "`...` must come last", "move it to the end of the list");
                }
                TargetKind::Array {
                    items: self.slice(items.iter().map(|i| *self.target(i.value)).collect()),
                    rest,
                }
            }
            ExprKind::Map(entries) => self.map_target(entries),
            _ => {
                let message = match e.kind {
                    ExprKind::OptionalChain(_) => "a chain with `?.` cannot be assigned to",
                    ExprKind::Call { .. } => "the result of a call cannot be assigned to",
                    ExprKind::SelfRef => "`self` cannot be assigned to",
                    ExprKind::Slice { .. } => "a slice cannot be assigned to",
                    _ => "this cannot be assigned to",
                };
                self.error(e.span, message, NOT_A_PLACE);
                TargetKind::Array { items: &[], rest: None }
            }
        };
        self.alloc(Target { kind, span: e.span })
    }

    fn map_target(&self, entries: &'a [MapEntry<'a>]) -> TargetKind<'a> {
        let (rest, entries) = match entries {
            [first @ .., MapEntry::Spread(e)] => (Some(self.target(e)), first),
            _ => (None, entries),
        };
        let mut places = Vec::new();
        for entry in entries {
            match *entry {
                MapEntry::Named { key, value } => places.push((key, *self.target(value))),
                MapEntry::Computed { key, .. } => {
                    self.error(key.span, "a key in a list of places must be a name or a string", NOT_A_PLACE);
                }
                MapEntry::Spread(e) => {
                    self.error(e.span, "`...` must come last", "move it to the end of the list")
                }
            }
        }
        TargetKind::Map { entries: self.slice(places), rest }
    }

    // --- access and calls

    /// `a[e]`; with a range written in place it is a slice.
    pub(crate) fn index(
        &self,
        object: &'a Expr<'a>,
        index: &'a Expr<'a>,
        optional: bool,
        l: u32,
        r: u32,
    ) -> &'a Expr<'a> {
        match index.kind {
            ExprKind::Range { start, end, inclusive } => {
                self.slice_of(object, Some(start), Some(end), inclusive, optional, l, r)
            }
            _ => self.expr(ExprKind::Index { object, index, optional }, l, r),
        }
    }

    #[allow(clippy::too_many_arguments)] // the parts of one rule
    pub(crate) fn slice_of(
        &self,
        object: &'a Expr<'a>,
        start: Option<&'a Expr<'a>>,
        end: Option<&'a Expr<'a>>,
        inclusive: bool,
        optional: bool,
        l: u32,
        r: u32,
    ) -> &'a Expr<'a> {
        self.expr(ExprKind::Slice { object, start, end, inclusive, optional }, l, r)
    }

    /// Puts an `OptionalChain` around a chain with a `?.` in it.
    pub(crate) fn whole_chain(&self, e: &'a Expr<'a>) -> &'a Expr<'a> {
        let mut link = e;
        loop {
            let (inner, optional) = match link.kind {
                ExprKind::Member { object, optional, .. }
                | ExprKind::Index { object, optional, .. }
                | ExprKind::Slice { object, optional, .. } => (object, optional),
                ExprKind::Call { callee, optional, .. } => (callee, optional),
                _ => return e,
            };
            // Parentheses end a chain: what is in them has been wrapped by itself before.
            if optional {
                return self.expr(ExprKind::OptionalChain(e), e.span.lo, e.span.hi);
            }
            link = inner;
        }
    }

    pub(crate) fn spawn(&self, e: &'a Expr<'a>, l: u32, r: u32) -> &'a Expr<'a> {
        let call = match e.kind {
            ExprKind::OptionalChain(inner) => inner,
            _ => e,
        };
        if !matches!(call.kind, ExprKind::Call { .. }) {
            self.error(e.span, "`spawn` needs a call", "write `spawn f(a, b)` or `spawn { ... }`");
        }
        self.expr(ExprKind::Spawn(SpawnBody::Call(e)), l, r)
    }

    pub(crate) fn arrow(
        &self,
        params: Vec<Param<'a>>,
        body: FunctionBody<'a>,
        l: u32,
        r: u32,
    ) -> &'a Expr<'a> {
        self.lambda(self.function(None, params, None, body, false, l, r), l, r)
    }

    pub(crate) fn lambda(&self, f: &'a Function<'a>, l: u32, r: u32) -> &'a Expr<'a> {
        self.expr(ExprKind::Lambda(f), l, r)
    }

    /// The condition of `if` and `while`: warns of a `=` that was probably meant as `==`.
    pub(crate) fn cond(&self, e: &'a Expr<'a>) -> &'a Expr<'a> {
        if matches!(e.kind, ExprKind::Assign { .. }) && self.text(e.span.lo, e.span.lo + 1) != "(" {
            self.report(
                Diagnostic::warning(self.file, e.span, "this condition assigns")
                    .help("write `==` to compare, or put the assignment into parentheses of its own"),
            );
        }
        e
    }
}
