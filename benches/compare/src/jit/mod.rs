//! Machine code: programs repeated in one process beside the peers' compilers and beside Rust, how soon they are warm, and how soon
//! compiled code gives way.

mod native;
mod preemption;
pub mod report;
mod series;
mod warm;
mod warming;

use crate::peers::Peers;
use crate::{Options, programs};
use std::path::Path;

/// The group that all four measures belong to.
const GROUP: &str = "jit";

/// What was measured; each part is empty if it was not wanted.
#[derive(Debug, Default)]
pub struct Results {
    pub warm: Vec<warm::Row>,
    pub warming: Vec<warming::Row>,
    pub native: Vec<native::Row>,
    pub preemption: Vec<preemption::Row>,
}

impl Results {
    /// What failed, one line each.
    pub fn faults(&self) -> Vec<String> {
        let warm = self.warm.iter().flat_map(|row| {
            row.cells.iter().filter_map(move |cell| Some((row.program.clone(), cell.rounds.fault.as_ref()?)))
        });
        let warming =
            self.warming.iter().filter_map(|row| Some((row.program.clone(), row.rounds.fault.as_ref()?)));
        let native = self
            .native
            .iter()
            .flat_map(|row| [&row.script, &row.rust].map(|side| (row.program.clone(), side.fault.as_ref())))
            .filter_map(|(program, fault)| Some((program, fault?)));
        let preemption =
            self.preemption.iter().filter_map(|row| Some((row.label.clone(), row.fault.as_ref()?)));
        warm.map(|found| ("warm", found))
            .chain(warming.map(|found| ("warming", found)))
            .chain(native.map(|found| ("native", found)))
            .chain(preemption.map(|found| ("preemption", found)))
            .map(|(measure, (what, fault))| format!("{measure}, {what}: {fault}"))
            .collect()
    }
}

/// Measures what the options want.
pub fn measure(root: &Path, peers: &Peers, options: &Options) -> Result<Results, String> {
    let wanted = ["warm", "warming", "native", "preemption"].map(|name| options.wants(GROUP, name));
    let mut results = Results::default();
    let benches = root.join("benches");
    let (repeated, native) = programs::jit(&benches)?;
    if wanted[..3].contains(&true) {
        let host = Peers::build_warm(root)?;
        let [warm, warming, against_rust, _] = wanted;
        if warm {
            results.warm = warm::measure(&benches, &host, peers, &repeated, options);
        }
        if warming {
            results.warming = warming::measure(&benches, &host, &repeated, options);
        }
        if against_rust {
            results.native = native::measure(&benches, &host, &native, options);
        }
    }
    if wanted[3] {
        results.preemption = preemption::measure(&benches, peers, options);
    }
    Ok(results)
}
