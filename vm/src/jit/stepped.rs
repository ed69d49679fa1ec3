//! Ops that compiled code leaves to the interpreter, one instruction at a time.

use crate::bytecode::ops::Op;

/// Whether an op is translated by executing it in the interpreter.
pub(super) fn by_step(op: Op) -> bool {
    matches!(
        op,
        Op::FToI
            | Op::JTaskExit
            | Op::CallSpread
            | Op::CallMethodSpread
            | Op::CallSuperSpread
            | Op::NewSpread
            | Op::Import
            | Op::GetSuper
            | Op::GetAttrDyn
            | Op::SetAttrDyn
            | Op::ArrayExtend
            | Op::MapExtend
            | Op::GenYield
            | Op::Throw
            | Op::Rethrow
            | Op::Fail
            | Op::Spawn
            | Op::SpawnDetached
            | Op::Await
            | Op::Yield
            | Op::AtomicEnter
            | Op::AtomicLeave
            | Op::ScopeEnter
            | Op::ScopeLeave
            | Op::ScopeAbort
            | Op::RecvStart
            | Op::RecvNext
            | Op::RecvTake
            | Op::Share
            | Op::Unshare
            | Op::Lock
            | Op::Unlock
            | Op::NewClass
            | Op::ExtendClass
            | Op::SetStatic
    )
}
