//! Every limit of the front end, with its cause.

/// Deepest tree that the parser hands out, counted in nodes. Later passes recurse over the tree, and a thread of the host may have as little
/// as 2 MiB of native stack: 400 levels leave each of them 5 KiB.
pub const MAX_TREE_DEPTH: usize = 400;

/// Deepest nesting of brackets, braces and templates in a source text. Checked before parsing, so that a hostile text costs nothing.
pub const MAX_NESTING: usize = 200;

/// Largest source text in bytes. Spans are 32 bits wide, and a larger text is a mistake anyway.
pub const MAX_SOURCE_BYTES: usize = 64 << 20;

/// Most errors that are reported for one source text.
pub const MAX_ERRORS: usize = 20;

/// Most tokens of one source text. A token takes about 50 bytes while parsing, so this keeps a hostile text below half a gigabyte.
pub const MAX_TOKENS: usize = 8 << 20;

/// Longest BigInt literal. Turning digits into a number takes time that grows with the square of their count.
pub const MAX_BIGINT_LITERAL: u32 = 100_000;
