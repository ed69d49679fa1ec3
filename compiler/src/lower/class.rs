//! Classes: their declarations as data, their creation in the right order.
//!
//! Invariant: a class is created once, after its base class; as early as that allows, so that statements may use classes
//! declared further down.

use corella_vm::bytecode::{AttributeDef, ClassDef, Const, Function as VmFunction, Op};

use super::literal::Lit;
use super::state::{Home, Lower};
use super::types::Fit;
use crate::ast::{
    Binding as VarBinding, ClassDecl, Expr, ExprKind, ExtendDecl, Member, MemberKind, Name, PatternKind,
    VarDecl,
};
use crate::emit::Reg;
use crate::resolve::{Base, Binding, ClassId, Place, Ty, VarId, VarKind};

impl<'a> Lower<'a, '_> {
    /// Whether the class can be made before the first statement runs.
    fn early(&self, id: ClassId) -> bool {
        let info = &self.res.classes[id];
        match (info.base, info.decl.base) {
            (Base::None, _) | (_, None) => true,
            (Base::Class(base), _) => self.early(base),
            (Base::Other, Some(path)) => {
                matches!(
                    self.res.uses.get(&path.segments[0].span.lo),
                    Some(Binding::Builtin | Binding::Error)
                ) || matches!(self.path_binding(path), Some(Binding::Var(id)) if self.var(id).kind == VarKind::Session)
            }
        }
    }

    /// The import that must have run before the class can be made.
    fn awaited_import(&self, id: ClassId) -> Option<VarId> {
        let info = &self.res.classes[id];
        match (info.base, info.decl.base) {
            (Base::Class(base), _) => self.awaited_import(base),
            (Base::Other, Some(path)) => match self.res.uses.get(&path.segments[0].span.lo) {
                Some(&Binding::Var(var)) if self.var(var).kind == VarKind::Import => Some(var),
                _ => None,
            },
            _ => None,
        }
    }

    /// Makes all classes that need nothing of what statements do.
    pub(super) fn early_classes(&mut self) {
        for id in 0..self.res.classes.len() {
            if self.early(id) {
                self.make_class(id);
            }
        }
    }

    /// Makes the classes that waited for an import.
    pub(super) fn classes_after_import(&mut self, imported: VarId) {
        for id in 0..self.res.classes.len() {
            if !self.ready_classes[id] && self.awaited_import(id) == Some(imported) {
                self.make_class(id);
            }
        }
    }

    /// Makes a class, its base class first.
    fn make_class(&mut self, id: ClassId) {
        if std::mem::replace(&mut self.ready_classes[id], true) {
            return;
        }
        let (decl, base, var) = {
            let info = &self.res.classes[id];
            (info.decl, info.base, info.var)
        };
        if let Base::Class(base) = base {
            self.make_class(base);
        }
        let def = self.class_def(id, decl);
        let index = self.m.class(def);
        self.at(decl.span);
        let mark = self.mark();
        let base = match decl.base {
            Some(path) => self.path(path, path.span),
            None => {
                let none = self.temp();
                self.load_lit(Lit::Null, none);
                none
            }
        };
        let class = self.temp();
        self.at(decl.name.span);
        self.op(Op::NewClass, class.0, base.0, index);
        if let Place::Global(slot) = self.var(var).place {
            self.wide(Op::SetGlobal, class.0, slot);
        }
        self.constants(decl.members, class, true);
        self.release(mark);
    }

    /// Lowers a class declaration where it stands among the statements.
    pub(super) fn class_stmt(&mut self, decl: &'a ClassDecl<'a>, _doc: Option<&'a str>) {
        let Some(&var) = self.res.decls.get(&decl.name.span.lo) else { return };
        let VarKind::Class(id) = self.var(var).kind else { return };
        self.make_class(id);
        self.late_constants(decl.members, &mut |l, class| l.load_var(var, class));
    }

    /// Lowers the constants that are computed where the class (or extension) stands.
    fn late_constants(&mut self, members: &'a [Member<'a>], load: &mut dyn FnMut(&mut Self, Reg)) {
        let late = members.iter().any(|m| match m.kind {
            MemberKind::Constants(ref vars) => {
                vars.bindings.iter().any(|b| b.init.is_some_and(|e| self.lit(e).is_none()))
            }
            _ => false,
        });
        if late {
            let mark = self.mark();
            let class = self.temp();
            load(self, class);
            self.constants(members, class, false);
            self.release(mark);
        }
    }

    /// Sets the constants of a class: those known when compiling, or the others.
    fn constants(&mut self, members: &'a [Member<'a>], class: Reg, known: bool) {
        for member in members {
            let MemberKind::Constants(ref vars) = member.kind else { continue };
            for binding in vars.bindings {
                let (PatternKind::Bind(name), Some(init)) = (&binding.target.kind, binding.init) else {
                    continue;
                };
                if self.lit(init).is_some() != known {
                    continue;
                }
                let mark = self.mark();
                self.at(binding.span);
                let value = self.temp();
                self.to(init, value);
                if let Some(ty) = &vars.ty {
                    let want = self.resolved(ty);
                    match self.fit(want, init) {
                        Fit::Yes => {}
                        Fit::No => {
                            let what = format!("constant `{}`", name.text);
                            self.misfit(want, init, &what);
                        }
                        Fit::Check => {
                            let what = format!("constant {}", name.text);
                            self.check_type(value, ty, &what);
                        }
                    }
                }
                let key = self.m.short_string(name.text);
                self.op(Op::SetStatic, class.0, value.0, key);
                self.release(mark);
            }
        }
    }

    /// A class declaration as data; lowers its functions.
    fn class_def(&mut self, id: ClassId, decl: &'a ClassDecl<'a>) -> ClassDef {
        let full_name = self.res.classes[id].full_name.clone();
        let mut def = ClassDef {
            name: full_name.clone(),
            doc: self.docs.get(&decl.name.span.lo).copied().unwrap_or("").to_owned(),
            ..ClassDef::default()
        };
        let mut computed: Vec<(Name<'a>, &'a VarDecl<'a>, &'a Expr<'a>)> = Vec::new();
        for member in decl.members {
            let MemberKind::Attributes(ref vars) = member.kind else { continue };
            for binding in vars.bindings {
                self.attribute_def(&mut def, member, vars, binding, &mut computed);
            }
        }
        def.init = self.init_function(decl, &full_name, &computed);
        self.member_functions(&mut def, decl.members, &full_name);
        def
    }

    fn attribute_def(
        &mut self,
        def: &mut ClassDef,
        member: &'a Member<'a>,
        vars: &'a VarDecl<'a>,
        binding: &'a VarBinding<'a>,
        computed: &mut Vec<(Name<'a>, &'a VarDecl<'a>, &'a Expr<'a>)>,
    ) {
        let PatternKind::Bind(name) = binding.target.kind else { return };
        let want = vars.ty.as_ref().map_or(Ty::Any, |ty| self.resolved(ty));
        let ty = match &vars.ty {
            Some(ty) => self.type_index(ty),
            None => self.m.type_index(corella_vm::bytecode::TypeRef::Any),
        };
        let zero = match want {
            Ty::Int => Const::Int(0),
            Ty::Float => Const::Float(0.0),
            Ty::Bool => Const::Bool(false),
            Ty::Str => Const::Str(String::new()),
            Ty::Any | Ty::Null | Ty::Class(_) | Ty::Builtin(_) | Ty::Foreign => Const::Null,
        };
        let initial = match binding.init {
            None => zero,
            Some(init) => {
                let fit = self.fit(want, init);
                if fit == Fit::No {
                    let what = format!("attribute `{}`", name.text);
                    self.misfit(want, init, &what);
                }
                match (self.lit(init), want, fit) {
                    (Some(Lit::Int(i)), Ty::Float, _) => Const::Float(i as f64),
                    (Some(lit), _, Fit::Yes) => lit.constant(),
                    _ => {
                        computed.push((name, vars, init));
                        zero
                    }
                }
            }
        };
        let initial = self.m.constant(initial);
        def.attributes.push(AttributeDef {
            name: name.text.to_owned(),
            ty,
            initial,
            doc: member.doc.unwrap_or("").to_owned(),
        });
    }

    fn init_function(
        &mut self,
        decl: &'a ClassDecl<'a>,
        full_name: &str,
        computed: &[(Name<'a>, &'a VarDecl<'a>, &'a Expr<'a>)],
    ) -> Option<u32> {
        if computed.is_empty() {
            return None;
        }
        let &id = self.res.func_at.get(&decl.name.span.lo)?;
        self.begin(id, format!("{full_name}.<attributes>"), 1);
        if let Some(var) = self.res.funcs[id].self_var {
            self.settle(var, Home::Reg(Reg(0)));
        }
        for (name, _, init) in computed {
            let mark = self.mark();
            let value = self.reg(init);
            self.at(name.span);
            let site = self.site(name.text);
            self.op(Op::SetAttr, 0, value.0, site);
            self.release(mark);
        }
        let shape = VmFunction { params: 1, required: 1, method: true, ..VmFunction::default() };
        Some(self.end(shape, decl.span))
    }

    fn member_functions(&mut self, def: &mut ClassDef, members: &'a [Member<'a>], full_name: &str) {
        for member in members {
            match member.kind {
                MemberKind::Attributes(_) | MemberKind::Constants(_) => {}
                MemberKind::Constructor(f) => {
                    let number = self.function(f, format!("{full_name}.new"), member.doc);
                    def.methods.push(("new".to_owned(), number));
                }
                MemberKind::Method(f) => {
                    let name = f.name.map_or("", |n| n.text);
                    let number = self.function(f, format!("{full_name}.{name}"), member.doc);
                    def.methods.push((name.to_owned(), number));
                }
                MemberKind::StaticMethod(f) => {
                    let name = f.name.map_or("", |n| n.text);
                    let number = self.function(f, format!("{full_name}.{name}"), member.doc);
                    def.statics.push((name.to_owned(), number));
                }
            }
        }
    }

    /// Lowers `extend Path { members }`.
    pub(super) fn extend_stmt(&mut self, extend: &'a ExtendDecl<'a>) {
        let names: Vec<&str> = extend.class.segments.iter().map(|s| s.text).collect();
        let full_name = names.join(".");
        let mark = self.mark();
        if self.extended.insert(extend.class.span.lo) {
            let mut def = ClassDef { name: full_name.clone(), ..ClassDef::default() };
            self.member_functions(&mut def, extend.members, &full_name);
            let index = self.m.class(def);
            self.at(extend.class.span);
            let class = self.path(extend.class, extend.class.span);
            self.op(Op::ExtendClass, class.0, index, 0);
            self.constants(extend.members, class, true);
        }
        self.late_constants(extend.members, &mut |l, dst| {
            let class = l.path(extend.class, extend.class.span);
            l.mov(dst, class);
        });
        self.release(mark);
    }

    /// Adds the methods of an `extend` before the first statement, if its class is there by then.
    pub(super) fn early_extend(&mut self, extend: &'a ExtendDecl<'a>) {
        let there = match self.path_binding(extend.class) {
            Some(Binding::Builtin) => true,
            Some(Binding::Var(id)) => {
                matches!(self.var(id).kind, VarKind::Class(class) if self.ready_classes[class])
            }
            _ => false,
        };
        let known = extend.members.iter().all(|m| match m.kind {
            MemberKind::Constants(ref vars) => {
                vars.bindings.iter().all(|b| b.init.is_some_and(|e| self.lit(e).is_some()))
            }
            _ => true,
        });
        if there && known {
            self.extend_stmt(extend);
        }
    }

    /// Reports an attribute of `self` that no class of the file can have.
    pub(super) fn check_self_attribute(&mut self, object: &'a Expr<'a>, name: Name<'a>) {
        if !matches!(object.kind, ExprKind::SelfRef) {
            return;
        }
        let Some(class) = self.current_class() else { return };
        if self.attribute(class, name.text).is_some() {
            return;
        }
        // A class derived from a foreign one may have any attribute.
        if !self.known_bases(class) {
            return;
        }
        let related = |other: ClassId| self.derives(class, other) || self.derives(other, class);
        let known: Vec<&str> = (0..self.res.classes.len())
            .filter(|&other| related(other))
            .flat_map(|other| {
                let info = &self.res.classes[other];
                info.attributes.iter().map(|a| a.name.text).chain(info.members.keys().copied())
            })
            .collect();
        if known.contains(&name.text) || matches!(name.text, "to_string" | "equals" | "hash" | "class") {
            return;
        }
        let class_name = self.res.classes[class].full_name.clone();
        let help = match crate::resolve::closest(name.text, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it in the class: `var {};`", name.text),
        };
        self.error(name.span, format!("class `{class_name}` has no attribute `{}`", name.text), help);
    }
}
