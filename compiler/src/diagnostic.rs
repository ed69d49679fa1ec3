//! What is wrong with a source text, and how that is shown.
//!
//! One type for all passes. A message says what is wrong, its labels point at the places, its help says how to mend it.

use crate::ast::{FileId, Span};
use crate::excerpt::excerpt;
use crate::limits::MAX_ERRORS;
use crate::source::{SourceMap, line_col};
use ariadne::{CharSet, Config, IndexType, Report, ReportKind};
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The program cannot run.
    Error,
    /// The program can run, but is probably not what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A place with a few words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The file.
    pub file: FileId,
    /// The place in it.
    pub span: Span,
    /// The words; may be empty.
    pub text: String,
}

/// One finding of the front end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that matter: where a bracket was opened, where a name was declared.
    pub secondary: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(file: FileId, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: bounded(message.into()),
            primary: Label { file, span, text: String::new() },
            secondary: Vec::new(),
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(file: FileId, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(file, span, message) }
    }

    /// An error about a file as a whole.
    pub fn error_at_start(file: FileId, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(file, Span::new(0, 0), message)
    }

    /// Adds words at the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = bounded(text.into());
        self
    }

    /// Adds a further place in the same file.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { file: self.primary.file, span, text: text.into() });
        self
    }

    /// Adds the mend.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(bounded(text.into()));
        self
    }

    /// Whether the program cannot run because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `file:line:col: error: message`, for editors and tests.
    pub fn one_line(&self, sources: &SourceMap) -> String {
        let name = sources.get(self.primary.file).map_or("<unknown>", |s| &s.name);
        let (line, col) = sources.line_col(self.primary.file, self.primary.span.lo);
        format!("{name}:{line}:{col}: {}: {}", self.severity, self.message)
    }

    /// The message with the source lines concerned and carets under the places.
    pub fn render(&self, sources: &SourceMap, colours: bool) -> String {
        let Some(primary) = sources.get(self.primary.file) else {
            return format!("{}: {}\n", self.severity, self.message);
        };
        let kind = match self.severity {
            Severity::Error => ReportKind::Custom("error", ariadne::Color::Red),
            Severity::Warning => ReportKind::Custom("warning", ariadne::Color::Yellow),
        };
        let config = Config::default()
            .with_color(colours)
            .with_index_type(IndexType::Byte)
            .with_char_set(if colours { CharSet::Unicode } else { CharSet::Ascii })
            .with_compact(false);
        let labels: Vec<&Label> = std::iter::once(&self.primary).chain(&self.secondary).collect();
        let mut files: Vec<FileId> = labels.iter().map(|l| l.file).collect();
        files.dedup();
        // What is shown of each file, and the places in it.
        let mut shown = Vec::new();
        let mut places = vec![(primary.name.to_string(), 0..0); labels.len()];
        for file in files {
            let Some(source) = sources.get(file) else { continue };
            let here: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].file == file).collect();
            let spans: Vec<Span> = here.iter().map(|&i| labels[i].span).collect();
            let part = excerpt(&source.text, &spans);
            for (&i, span) in here.iter().zip(part.spans) {
                places[i] = (source.name.to_string(), visible(&part.text, span));
            }
            shown.push((source.name.to_string(), part.text));
        }
        let mut report =
            Report::build(kind, places[0].clone()).with_config(config).with_message(&self.message);
        for (i, l) in labels.iter().enumerate() {
            let label = ariadne::Label::new(places[i].clone())
                .with_order(i32::try_from(i).unwrap_or(0))
                // The renderer draws no carets under a place without words.
                .with_message(if l.text.is_empty() { "here" } else { &l.text })
                .with_color(if i == 0 { ariadne::Color::Red } else { ariadne::Color::Cyan });
            report = report.with_label(label);
        }
        if let Some(help) = &self.help {
            report = report.with_help(help);
        }
        // A line that was shortened has other columns; the head of the message names the true one.
        let position = |text: &str, at: u32| {
            let (line, col) = line_col(text, at);
            format!("{}:{line}:{col} ]", primary.name)
        };
        let true_place = position(&primary.text, self.primary.span.lo);
        let shown_place =
            shown.first().map_or(true_place.clone(), |(_, t)| position(t, places[0].1.start as u32));
        let mut out = Vec::new();
        match report.finish().write(ariadne::sources(shown), &mut out) {
            // The renderer pads its lines; nobody wants trailing blanks in a log.
            Ok(()) => plain(&String::from_utf8_lossy(&out), colours)
                .replacen(&shown_place, &true_place, 1)
                .lines()
                .fold(String::new(), |text, line| text + line.trim_end() + "\n"),
            Err(_) => self.one_line(sources) + "\n",
        }
    }
}

/// A text of the source as a message may name it: whole if it is short, else its beginning.
pub fn brief(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A message whose words from the source are cut where they are longer than anybody reads.
fn bounded(text: String) -> String {
    const LONGEST_MESSAGE: usize = 400;
    if text.len() <= LONGEST_MESSAGE {
        return text;
    }
    text.split(' ').map(brief).collect::<Vec<_>>().join(" ")
}

/// Adds a finding, but no more errors than are ever shown: a broken text must not cost memory for each of its faults.
pub(crate) fn push_limited(list: &mut Vec<Diagnostic>, d: Diagnostic) {
    if list.len() <= MAX_ERRORS {
        list.push(d);
    }
}

/// The text without the colour codes that the renderer writes even when asked not to.
fn plain(text: &str, colours: bool) -> String {
    if colours {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, r)| r);
    }
    out + rest
}

/// The span, moved into the text and on character boundaries, at least one character wide where there is one.
fn visible(text: &str, span: Span) -> std::ops::Range<usize> {
    let floor = |mut i: usize| {
        i = i.min(text.len());
        while !text.is_char_boundary(i) {
            i -= 1;
        }
        i
    };
    let lo = floor(span.lo as usize);
    let hi = floor(span.hi as usize).max(lo);
    if lo < hi {
        return lo..hi;
    }
    match text[lo..].chars().next() {
        Some(c) => lo..lo + c.len_utf8(),
        None => lo..lo,
    }
}
