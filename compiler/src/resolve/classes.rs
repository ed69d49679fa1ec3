//! Classes: what they extend, what members they have, and the walk through their functions.

use corella_vm::names::NameMap;

use super::scope::Resolver;
use super::{Attribute, Base, Binding, Class, ClassId, FuncKind, NsMember, VarKind};
use crate::ast::{
    ClassDecl, Decl, DeclKind, ExtendDecl, Member, MemberKind, Name, Path, PatternKind, Stmt, VarDecl,
};

impl<'a> Resolver<'a, '_> {
    /// Declares a class's name and number.
    pub(super) fn declare_class(&mut self, decl: &'a ClassDecl<'a>) {
        let id = self.out.classes.len();
        let var = self.declare(decl.name, VarKind::Class(id), None);
        let path = &self.out.namespaces[self.namespace].path;
        let full_name =
            if path.is_empty() { decl.name.text.to_owned() } else { format!("{path}.{}", decl.name.text) };
        self.out.classes.push(Class {
            decl,
            full_name,
            var,
            base: Base::None,
            attributes: Vec::new(),
            members: NameMap::default(),
        });
    }

    /// Resolves bases and members of all classes of the file.
    pub(super) fn class_headers(&mut self, module: &'a [Stmt<'a>]) {
        self.headers(module);
        self.check_cycles();
    }

    fn headers(&mut self, stmts: &'a [Stmt<'a>]) {
        for stmt in stmts {
            let Some(decl) = Decl::of(stmt) else { continue };
            match decl.kind {
                DeclKind::Class(class) => {
                    if let Some(id) = self.class_of(class.name) {
                        self.header(id, class);
                    }
                }
                DeclKind::Extend(ref extend) => self.extend_header(extend),
                DeclKind::Namespace(ref ns) => self.in_namespace(ns, &mut |r| r.headers(ns.body.stmts)),
                DeclKind::Var(_) | DeclKind::Function(_) | DeclKind::Import(_) => {}
            }
        }
    }

    /// The class that a name declares.
    fn class_of(&self, name: Name<'a>) -> Option<ClassId> {
        match self.out.vars[*self.out.decls.get(&name.span.lo)?].kind {
            VarKind::Class(id) => Some(id),
            _ => None,
        }
    }

    fn header(&mut self, id: ClassId, class: &'a ClassDecl<'a>) {
        if let Some(base) = class.base {
            self.use_path(base);
            self.out.classes[id].base = match self.class_at(base) {
                Some(base) => Base::Class(base),
                None => Base::Other,
            };
        }
        let mut seen: NameMap<&'a str, Name<'a>> = NameMap::default();
        for member in class.members {
            match member.kind {
                MemberKind::Attributes(ref vars) => {
                    let ty = self.opt_type(&vars.ty);
                    for name in plain_names(vars) {
                        self.once(&mut seen, name, "attribute");
                        self.out.classes[id].attributes.push(Attribute { name, ty });
                    }
                }
                MemberKind::Constants(ref vars) => {
                    self.opt_type(&vars.ty);
                    for name in plain_names(vars) {
                        self.once(&mut seen, name, "constant");
                        self.out.classes[id].members.insert(name.text, None);
                    }
                }
                MemberKind::Constructor(f) => {
                    if let Some(name) = f.name {
                        self.once(&mut seen, name, "constructor");
                    }
                }
                MemberKind::Method(f) | MemberKind::StaticMethod(f) => {
                    if let Some(name) = f.name {
                        self.once(&mut seen, name, "method");
                        self.out.classes[id].members.insert(name.text, Some(f));
                    }
                }
            }
        }
    }

    fn once(&mut self, seen: &mut NameMap<&'a str, Name<'a>>, name: Name<'a>, what: &str) {
        if let Some(first) = seen.insert(name.text, name) {
            self.problems
                .error(name.span, format!("{what} `{}` is declared twice in this class", name.text))
                .see(first.span, "first declared here")
                .help("rename or remove one of the two");
        }
    }

    fn extend_header(&mut self, extend: &'a ExtendDecl<'a>) {
        self.use_path(extend.class);
        let class = self.class_at(extend.class);
        if let Some(id) = class {
            self.out.extends.insert(extend.class.span.lo, id);
        }
        let mut seen: NameMap<&'a str, Name<'a>> = NameMap::default();
        for member in extend.members {
            let names: Vec<Name<'a>> = match member.kind {
                MemberKind::Attributes(ref vars) | MemberKind::Constants(ref vars) => plain_names(vars),
                MemberKind::Constructor(f) | MemberKind::Method(f) | MemberKind::StaticMethod(f) => {
                    f.name.into_iter().collect()
                }
            };
            for name in names {
                self.once(&mut seen, name, "member");
                if let Some(id) = class {
                    self.out.classes[id].members.entry(name.text).or_insert(None);
                }
            }
        }
    }

    /// Notes the use of a path's first name.
    pub(super) fn use_path(&mut self, path: Path<'a>) {
        self.use_name(path.segments[0], false);
    }

    /// The class of this file that a resolved path means.
    fn class_at(&self, path: Path<'a>) -> Option<ClassId> {
        let mut at = *self.out.uses.get(&path.segments[0].span.lo)?;
        for segment in &path.segments[1..] {
            let Binding::Namespace(ns) = at else { return None };
            at = match self.out.namespaces[ns].get(segment.text)? {
                NsMember::Var(id) => Binding::Var(id),
                NsMember::Namespace(id) => Binding::Namespace(id),
            };
        }
        match at {
            Binding::Var(id) => match self.out.vars[id].kind {
                VarKind::Class(class) => Some(class),
                _ => None,
            },
            _ => None,
        }
    }

    /// A class that extends itself, perhaps through others, is reported and cut loose.
    fn check_cycles(&mut self) {
        for id in 0..self.out.classes.len() {
            let mut at = id;
            for _ in 0..=self.out.classes.len() {
                match self.out.classes[at].base {
                    Base::Class(base) => at = base,
                    Base::None | Base::Other => break,
                }
                if at == id {
                    let name = self.out.classes[id].decl.name;
                    self.problems
                        .error(name.span, format!("class `{}` extends itself", name.text))
                        .help("a base class must not be derived from the class that extends it");
                    self.out.classes[id].base = Base::None;
                    break;
                }
            }
        }
    }

    /// Walks a class's members.
    pub(super) fn class_body(&mut self, decl: &'a ClassDecl<'a>) {
        let Some(id) = self.class_of(decl.name) else { return };
        let has_base = Some(decl.base.is_some());
        if decl.members.iter().any(|m| matches!(m.kind, MemberKind::Attributes(_))) {
            self.enter_func(decl.name.span.lo, FuncKind::Init, None, Some(id), has_base);
            self.declare_self(decl.span);
            for member in decl.members {
                if let MemberKind::Attributes(ref vars) = member.kind {
                    self.initial_values(vars);
                }
            }
            self.leave_func();
        }
        self.members(decl.members, Some(id), has_base);
    }

    /// Walks what an `extend` adds.
    pub(super) fn extend_body(&mut self, extend: &'a ExtendDecl<'a>) {
        let class = self.out.extends.get(&extend.class.span.lo).copied();
        self.members(extend.members, class, Some(true));
    }

    fn members(&mut self, members: &'a [Member<'a>], class: Option<ClassId>, has_base: Option<bool>) {
        for member in members {
            match member.kind {
                MemberKind::Attributes(_) => {}
                MemberKind::Constants(ref vars) => self.initial_values(vars),
                MemberKind::Constructor(f) => self.function(f, FuncKind::Constructor, class, has_base),
                MemberKind::Method(f) => self.function(f, FuncKind::Method, class, has_base),
                MemberKind::StaticMethod(f) => self.function(f, FuncKind::Function, class, None),
            }
        }
    }

    fn initial_values(&mut self, vars: &'a VarDecl<'a>) {
        for binding in vars.bindings {
            if let Some(init) = binding.init {
                self.expr(init);
            }
        }
    }
}

/// The names of a declaration whose targets are plain names.
fn plain_names<'a>(vars: &VarDecl<'a>) -> Vec<Name<'a>> {
    vars.bindings
        .iter()
        .filter_map(|b| match b.target.kind {
            PatternKind::Bind(name) => Some(name),
            _ => None,
        })
        .collect()
}
