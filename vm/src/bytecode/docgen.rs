//! Renders `docs/opcodes.md`, the reference of all ops, from the op table.
//!
//! Invariant: the committed file is what [`opcodes`] gives; a test compares them. `UPDATE_GOLDENS=1 cargo test -p
//! corella-vm opcodes` writes it anew.

use super::ops::{ALLOCATES, CALLS, ENDS, OpInfo, Operand, SAFEPOINT, TABLE, THROWS};
use std::fmt::Write;

/// What stands before the tables.
const HEAD: &str = "\
# Ops

<!-- Generated from the op table in vm/src/bytecode/ops.rs: UPDATE_GOLDENS=1 cargo test -p corella-vm opcodes -->

What the register machine executes. An instruction is one 64-bit word: an op byte, a small operand `n` of 8 bits
and three operands `a`, `b`, `c` of 16 bits; where an op needs a wide operand, `b` and `c` form the operand `d` of 32 bits.
`corella dis` prints a compiled program in the text form used here, and `corella asm` reads it back.

A function has tagged registers `r0`, `r1`, ... with values of any kind, and behind them, counted on, raw registers
`x4`, `x5`, ... with the bits of an unboxed integer or float. Names follow three rules: `int.` and `float.` ops work on
raw registers; a suffix `.i` means that one operand is an immediate integer; `jump.notX` jumps unless X holds,
which is not the opposite comparison when NaN is involved.

";

/// The flags with their names and meanings.
const FLAGS: [(u8, &str, &str); 5] = [
    (THROWS, "throws", "may raise an error that the script can catch"),
    (ALLOCATES, "allocates", "may allocate in the heap of the running thread"),
    (CALLS, "calls", "may run a script function or hook, whose result arrives later"),
    (SAFEPOINT, "safepoint", "may switch tasks or collect"),
    (ENDS, "ends", "control never reaches the next instruction"),
];

/// The whole page.
pub fn opcodes() -> String {
    let mut page = String::from(HEAD);
    operands(&mut page);
    flags(&mut page);
    ops(&mut page);
    page
}

/// The kinds of operands that the table uses, in the order of their first use.
fn operands(page: &mut String) {
    page.push_str("## Operands\n\n| Kind | Written | Meaning |\n| --- | --- | --- |\n");
    let mut seen: Vec<Operand> = Vec::new();
    for (_, kind) in TABLE.iter().flat_map(OpInfo::operands) {
        if !seen.contains(&kind) {
            seen.push(kind);
            let (_, meaning) = kind.describe();
            let _ = writeln!(page, "| {kind:?} | {} | {meaning} |", written(kind));
        }
    }
}

/// An example of how an operand is written.
fn written(kind: Operand) -> String {
    match kind {
        Operand::Jump => "`L1`".into(),
        Operand::Imm => "`#-1`".into(),
        Operand::Site => "`s0.name`".into(),
        _ => format!("`{}0`", kind.describe().0),
    }
}

fn flags(page: &mut String) {
    page.push_str("\n## Effects\n\n| Effect | Meaning |\n| --- | --- |\n");
    for (_, name, meaning) in FLAGS {
        let _ = writeln!(page, "| {name} | {meaning} |");
    }
}

fn ops(page: &mut String) {
    let _ = write!(page, "\n## The {} ops\n\n", TABLE.len());
    page.push_str("| Op | Operands | Meaning | Effects |\n| --- | --- | --- | --- |\n");
    for info in TABLE {
        let operands: Vec<String> =
            info.operands().map(|(field, kind)| format!("{} {kind:?}", field.name())).collect();
        let effects: Vec<&str> =
            FLAGS.iter().filter(|(flag, ..)| info.flags & flag != 0).map(|(_, name, _)| *name).collect();
        let meaning = info.doc.trim().replace('|', "\\|");
        let _ = writeln!(
            page,
            "| `{}` | {} | {meaning} | {} |",
            info.name,
            operands.join(", "),
            effects.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_reference_of_opcodes_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/opcodes.md");
        let page = opcodes();
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page).unwrap();
            return;
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page,
            "docs/opcodes.md differs from the op table: UPDATE_GOLDENS=1 cargo test -p corella-vm opcodes"
        );
    }

    #[test]
    fn each_op_has_a_row_and_a_meaning() {
        let page = opcodes();
        for info in TABLE {
            assert!(page.contains(&format!("\n| `{}` | ", info.name)), "{} is missing", info.name);
            assert!(!info.doc.trim().is_empty(), "{} has no meaning", info.name);
        }
    }

    #[test]
    fn all_flags_are_described() {
        let known = FLAGS.iter().fold(0, |all, (flag, ..)| all | flag);
        for info in TABLE {
            assert_eq!(info.flags & !known, 0, "{}", info.name);
        }
    }
}
