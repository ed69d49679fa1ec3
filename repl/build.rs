//! How the program is linked, so that it starts quickly: at a fixed address, since what has to be relocated would be touched at every
//! start, and with the unwinder inside, if the C compiler has that to give.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let native = std::env::var("HOST") == std::env::var("TARGET");
    if target("OS") != "linux" || target("ENV") != "gnu" || !native {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    let found = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    // The bare name comes back if there is no such file.
    if found.is_ok_and(|found| found.stdout.contains(&b'/')) {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
