//! Actions for declarations.

use super::Cx;
use crate::ast::*;
use crate::diagnostic::brief;

impl<'a> Cx<'a> {
    pub(crate) fn decl(&self, kind: DeclKind<'a>, exported: bool, l: u32, r: u32) -> &'a Decl<'a> {
        let span = Span::new(l, r);
        if let DeclKind::Var(v) = &kind {
            self.check_bindings(v);
        }
        if exported && matches!(kind, DeclKind::Extend(_) | DeclKind::Import(_)) {
            self.error(
                Span::new(l, l + 6),
                "only variables, functions, classes and namespaces can be exported",
                "remove `export`: methods added to a class are seen wherever the class is",
            );
        }
        self.alloc(Decl { kind, exported, doc: self.doc(l), span })
    }

    pub(crate) fn var(
        &self,
        is_const: bool,
        ty: Option<TypeRef<'a>>,
        bindings: Vec<Binding<'a>>,
        l: u32,
        r: u32,
    ) -> VarDecl<'a> {
        VarDecl { is_const, ty, bindings: self.slice(bindings), span: Span::new(l, r) }
    }

    /// What the grammar lets through and no declaration of variables may have.
    pub(crate) fn check_bindings(&self, v: &VarDecl<'a>) {
        for b in v.bindings {
            let plain = matches!(b.target.kind, PatternKind::Bind(_) | PatternKind::Wildcard);
            if b.init.is_none() && v.is_const {
                self.error(b.span, "a constant needs a value", "write `const NAME = value;`");
            } else if b.init.is_none() && !plain {
                self.error(
                    b.span,
                    "there is nothing to take apart",
                    "write `= value` after the list of names",
                );
            }
            if let (Some(ty), false) = (v.ty, plain) {
                self.error(ty.span, "a list of names cannot have a type", "write `var`");
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // the parts of one rule
    pub(crate) fn function(
        &self,
        name: Option<Name<'a>>,
        params: Vec<Param<'a>>,
        result: Option<TypeRef<'a>>,
        body: FunctionBody<'a>,
        is_generator: bool,
        l: u32,
        r: u32,
    ) -> &'a Function<'a> {
        if let Some((_, front)) = params.split_last()
            && let Some(p) = front.iter().find(|p| p.is_rest)
        {
            self.error(p.span, "a `...` parameter must be the last one", "move it to the end");
        }
        if let Some(i) = params.iter().position(|p| p.default.is_some())
            && let Some(p) = params[i..].iter().find(|p| p.default.is_none() && !p.is_rest)
        {
            self.error(
                p.span,
                format!(
                    "parameter `{}` needs a default value, because one before it has one",
                    brief(p.name.text)
                ),
                "move the parameters without default values to the front",
            );
        }
        let params = self.slice(params);
        self.alloc(Function { name, params, result, body, is_generator, span: Span::new(l, r) })
    }

    pub(crate) fn param(
        &self,
        ty: Option<TypeRef<'a>>,
        name: Name<'a>,
        default: Option<&'a Expr<'a>>,
        l: u32,
        r: u32,
    ) -> Param<'a> {
        Param { name, ty, default, is_rest: false, span: Span::new(l, r) }
    }

    pub(crate) fn rest_param(&self, name: Name<'a>, l: u32, r: u32) -> Param<'a> {
        Param { name, ty: None, default: None, is_rest: true, span: Span::new(l, r) }
    }

    pub(crate) fn class(
        &self,
        name: Name<'a>,
        base: Option<Path<'a>>,
        members: Vec<Option<Member<'a>>>,
        l: u32,
        r: u32,
    ) -> DeclKind<'a> {
        let mut kept = Vec::with_capacity(members.len());
        for mut m in members.into_iter().flatten() {
            if let MemberKind::Method(f) = m.kind
                && f.name.is_some_and(|n| n.text == name.text)
            {
                if f.is_generator {
                    self.error(
                        f.span,
                        "a constructor cannot be a generator",
                        "write `function` without the star",
                    );
                }
                m.kind = MemberKind::Constructor(f);
            }
            kept.push(m);
        }
        let mut constructors = kept.iter().filter(|m| matches!(m.kind, MemberKind::Constructor(_)));
        if let (Some(first), Some(second)) = (constructors.next(), constructors.next()) {
            self.report(
                crate::diagnostic::Diagnostic::error(
                    self.file,
                    second.span,
                    "a class has only one constructor",
                )
                .also(first.span, "the first one")
                .help("use default values or `...rest` for different ways to call it"),
            );
        }
        let members = self.slice(kept);
        DeclKind::Class(self.alloc(ClassDecl { name, base, members, span: Span::new(l, r) }))
    }

    pub(crate) fn extend(&self, class: Path<'a>, members: Vec<Option<Member<'a>>>) -> DeclKind<'a> {
        let members: Vec<_> = members.into_iter().flatten().collect();
        for m in &members {
            if let MemberKind::Attributes(v) = m.kind {
                self.error(
                    v.span,
                    "attributes cannot be added to a class from outside",
                    "declare them in the class itself, or in a subclass",
                );
            }
        }
        DeclKind::Extend(ExtendDecl { class, members: self.slice(members) })
    }

    pub(crate) fn member(&self, kind: MemberKind<'a>, l: u32, r: u32) -> Option<Member<'a>> {
        Some(Member { kind, doc: self.doc(l), span: Span::new(l, r) })
    }

    pub(crate) fn member_var(&self, v: VarDecl<'a>, is_static: bool, l: u32, r: u32) -> Option<Member<'a>> {
        self.check_bindings(&v);
        for b in v.bindings {
            if !matches!(b.target.kind, PatternKind::Bind(_)) {
                self.error(b.span, "an attribute needs a name", "declare each attribute by its name");
            }
        }
        if is_static && !v.is_const {
            self.error(
                v.span,
                "a class has no variables of its own: classes are shared by all threads",
                "write `static const`, or declare the variable outside of the class",
            );
        }
        let kind = if v.is_const { MemberKind::Constants(v) } else { MemberKind::Attributes(v) };
        self.member(kind, l, r)
    }

    pub(crate) fn import(&self, source: ImportSource<'a>, alias: Option<Name<'a>>) -> ImportDecl<'a> {
        let alias = alias.or_else(|| match source {
            ImportSource::Path(p) => p.segments.last().copied(),
            ImportSource::File { text, span } => {
                let file = text.rsplit('/').next().unwrap_or(text);
                let stem = file.strip_suffix(".cor").unwrap_or(file);
                let is_name = stem
                    .chars()
                    .enumerate()
                    .all(|(i, c)| c == '_' || if i == 0 { c.is_alphabetic() } else { c.is_alphanumeric() });
                if !is_name || stem.is_empty() {
                    self.error(
                        span,
                        format!("`{}` is not a name for a module", brief(stem)),
                        "name it: import \"...\" as name;",
                    );
                }
                Some(Name { text: stem, span })
            }
        });
        ImportDecl { source, alias, names: &[] }
    }
}
