//! What the passes behind the parser find wrong; turned into diagnostics at the crate's edge.
//!
//! Invariant: at most [`MAX_ERRORS`] errors are kept, so that a hopeless text does not drown its reader.

use crate::ast::Span;
use crate::limits::MAX_ERRORS;

/// Something wrong (or doubtful) in the source.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) span: Span,
    /// What is wrong.
    pub(crate) message: String,
    /// How to mend it.
    pub(crate) help: Option<String>,
    /// Other places that explain it.
    pub(crate) related: Vec<(Span, String)>,
}

impl Problem {
    /// Adds how to mend it.
    pub(crate) fn help(&mut self, text: impl Into<String>) -> &mut Problem {
        self.help = Some(text.into());
        self
    }

    /// Adds another place that explains it.
    pub(crate) fn see(&mut self, span: Span, text: impl Into<String>) -> &mut Problem {
        self.related.push((span, text.into()));
        self
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    errors: usize,
    /// Takes what comes after the limit.
    spill: Option<Problem>,
}

impl Problems {
    /// Notes an error; help and related places can be added to what this returns.
    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Problem {
        self.errors += 1;
        let over = self.errors > MAX_ERRORS;
        self.add(Problem { span, message: message.into(), help: None, related: Vec::new() }, over)
    }

    fn add(&mut self, problem: Problem, over: bool) -> &mut Problem {
        if over {
            return self.spill.insert(problem);
        }
        self.list.push(problem);
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// Whether further errors are not shown, so that explaining them is in vain.
    pub(crate) fn full(&self) -> bool {
        self.errors >= MAX_ERRORS
    }

    /// Whether an error was noted.
    pub(crate) fn any_error(&self) -> bool {
        self.errors > 0
    }

    /// The problems in the order of the source.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|p| p.span.lo);
        self.list
    }
}
