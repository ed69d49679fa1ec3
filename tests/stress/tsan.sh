#!/usr/bin/env bash
# Runs the stress program under ThreadSanitizer: tests/stress/tsan.sh [arguments of the stress program].
#
# The standard library is built with it too (component rust-src), for its channels and locks would be reported otherwise. The build
# is without the JIT: machine code is not instrumented, so what it writes is not seen. Nothing is suppressed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
    echo "the sources of the standard library are missing: rustup component add rust-src" >&2
    exit 2
fi

export RUSTC_BOOTSTRAP=1 # the sanitizers are not stable
export RUSTFLAGS="-Zsanitizer=thread"
target=$(rustc -vV | sed -n 's/^host: //p')
exec cargo test -Zbuild-std --target "$target" --target-dir target/tsan --release --no-default-features \
    --package corella-tests --test stress -- "$@"
