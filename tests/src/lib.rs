//! What the test programs in `tests/tests/` share: reading the expectations that stand inside a
//! Corella script, finding the `corella` binary, running it as a child process with a time limit,
//! and comparing what it did with what was expected.
//!
//! Only `differ` uses the library `corella`; all else sees what a user of the program sees.

pub mod binary;
pub mod child;
pub mod differ;
pub mod expect;
pub mod files;
pub mod judge;
pub mod programs;
pub mod scratch;

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests crate lives in the workspace").to_path_buf()
}
