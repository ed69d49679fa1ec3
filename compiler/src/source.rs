//! The source texts of one program: their names, their contents, and how offsets become lines and columns.

use crate::ast::FileId;
use crate::diagnostic::Diagnostic;
use crate::limits::MAX_SOURCE_BYTES;
use std::sync::Arc;

/// All source texts, by [`FileId`]. Adding one never changes another.
#[derive(Debug, Default, Clone)]
pub struct SourceMap {
    files: Vec<Source>,
}

/// One source text.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name shown in messages: a path, or something like `<input 3>`.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Adds a text and gives it a number.
    pub fn add(&mut self, name: &str, text: &str) -> FileId {
        let id = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(Source { name: name.into(), text: text.into() });
        FileId(id)
    }

    /// The text with this number.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.0 as usize)
    }

    /// Line and column (both from 1, the column counted in characters) of an offset.
    pub fn line_col(&self, file: FileId, offset: u32) -> (usize, usize) {
        self.get(file).map_or((1, 1), |s| line_col(&s.text, offset))
    }
}

/// Line and column (both from 1, the column counted in characters) of an offset in a text.
pub fn line_col(text: &str, offset: u32) -> (usize, usize) {
    let mut end = (offset as usize).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The bytes of a file as text, or what is wrong with them.
pub fn decode(file: FileId, bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.len() > MAX_SOURCE_BYTES {
        return Err(too_large(file, bytes.len()));
    }
    std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        let line = bytes[..at].iter().filter(|&&b| b == b'\n').count() + 1;
        Diagnostic::error_at_start(
            file,
            format!("the file is not UTF-8: byte {at} (line {line}) is 0x{:02x}", bytes[at]),
        )
        .help("save the file as UTF-8")
    })
}

/// The error for a text larger than [`MAX_SOURCE_BYTES`].
pub(crate) fn too_large(file: FileId, size: usize) -> Diagnostic {
    Diagnostic::error_at_start(
        file,
        format!("the file has {size} bytes; the limit is {} MiB", MAX_SOURCE_BYTES >> 20),
    )
    .help("split it into modules, or read the data in it from a data file")
}
