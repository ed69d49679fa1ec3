//! What a reader has to know about the machine: processor, memory, system. Nothing that tells whose machine it is.

use std::fs::read_to_string;

fn value(file: &str, key: &str, separator: char) -> Option<String> {
    let text = read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(separator)?.1.trim().trim_matches('"').to_owned())
}

/// One line: processor, number of hardware threads, memory, system.
pub fn facts() -> String {
    let model =
        value("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = value("/proc/meminfo", "MemTotal", ':')
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(String::new(), |kib| format!(", {:.0} GiB of memory", kib / 1048576.0));
    let system =
        value("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.to_owned());
    format!("{model}, {threads} hardware threads{memory}, {system}")
}

/// The load that other programs put on the machine, if it is enough to spoil figures. To be asked before the first run.
pub fn foreign_load() -> Option<f64> {
    let load =
        read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    load.filter(|load| *load > 0.7)
}
