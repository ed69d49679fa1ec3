//! What the second pass remembers of each open bracket.

/// What kind of thing is within the bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Statements: a block, the body of a switch, the file itself.
    Block,
    /// Members of a class or an extension.
    Class,
    /// Arms of a match, or of a receive.
    Arms {
        /// Whether `after` may stand here.
        receive: bool,
    },
    /// Entries of a map literal or map pattern.
    Map,
    /// Names of an import.
    Import,
    /// Operands of an inline op.
    InlineOp,
    /// An expression within a template.
    Template,
    /// Parentheses.
    Paren(Role),
    /// Square brackets.
    Bracket,
}

/// What parentheses are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The condition of `if` and `while`: a statement follows.
    Control,
    /// The head of a `for`: a statement follows.
    For,
    /// The head of `switch` or `match`: braces follow.
    Head,
    /// The variable of a `catch`.
    Catch,
    /// Parameters.
    Params,
    /// Arguments, or a group.
    Plain,
}

/// What the next `{` opens, announced by a word before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    Class,
    Switch,
    Match { statement: bool },
    Receive { statement: bool },
    Function { declared: bool },
}

/// One open bracket.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Index of the opening bracket.
    pub(super) open: usize,
    /// Index of the closing one, or of the token before which the bracket is taken to end.
    pub(super) close: usize,
    /// The innermost block: `open` of this frame or of one further out.
    pub(super) block: usize,
    /// The next token at this level begins a statement.
    pub(super) next_start: bool,
    /// When the bracket closes, the statement it belongs to is over.
    pub(super) ends_statement: bool,
    /// The bracket is the block of an arm: after it comes the next arm's pattern.
    pub(super) is_arm_body: bool,
    /// In arms: before the `=>`.
    pub(super) in_pattern: bool,
    /// In arms: between `if` (or `after`) and `=>`.
    pub(super) in_guard: bool,
    /// The bracket is part of a pattern.
    pub(super) pattern: bool,
    /// How many `?` wait for their `:`.
    pub(super) ternaries: usize,
    /// What the next `(` is for.
    pub(super) role: Option<Role>,
    /// What the next `{` opens.
    pub(super) header: Option<Header>,
    /// Within an import statement.
    pub(super) in_import: bool,
}

impl Frame {
    pub(super) fn new(kind: Kind, open: usize, close: usize) -> Frame {
        Frame {
            kind,
            open,
            close,
            block: open,
            next_start: matches!(kind, Kind::Block | Kind::Class),
            ends_statement: false,
            is_arm_body: false,
            in_pattern: matches!(kind, Kind::Arms { .. }),
            in_guard: false,
            pattern: false,
            ternaries: 0,
            role: None,
            header: None,
            in_import: false,
        }
    }

    /// Forgets what belonged to the statement that ended.
    pub(super) fn end_statement(&mut self) {
        self.ternaries = 0;
        self.role = None;
        self.header = None;
        self.in_import = false;
    }

    /// In arms: a new arm begins.
    pub(super) fn begin_arm(&mut self) {
        if matches!(self.kind, Kind::Arms { .. }) {
            self.in_pattern = true;
            self.in_guard = false;
            self.ternaries = 0;
        }
    }

    /// Whether what comes next at this level is (part of) a pattern of an arm.
    pub(super) fn expects_pattern(&self) -> bool {
        self.pattern || (self.in_pattern && !self.in_guard)
    }
}
