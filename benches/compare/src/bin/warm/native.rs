//! The programs of `benches/programs/jit/`, and `fib`, in Rust: the same work in the same order, so that the answers are equal to the last
//! digit. Ints wrap around, as usual in an optimised build; Corella's are checked.

use crate::Plan;
use std::hint::black_box;

/// Calls the program of this name as the plan says.
pub fn repeat(name: &str, plan: &Plan, arguments: &[&str]) -> Result<(), String> {
    let number = |at: usize| -> Result<i64, String> {
        arguments.get(at).and_then(|text| text.parse().ok()).ok_or(format!("{name}: no argument {at}"))
    };
    let n = number(0)?;
    // What LLVM does not know it cannot compute beforehand.
    match name {
        "fib" => plan.carry_out(|| Ok(fib(black_box(n)).to_string())),
        "collatz" => plan.carry_out(|| Ok(collatz(black_box(n)).to_string())),
        "lcg" => plan.carry_out(|| Ok(lcg(black_box(n)).to_string())),
        "logistic" => plan.carry_out(|| Ok(format!("{:.6}", logistic(black_box(n))))),
        "lorenz" => plan.carry_out(|| Ok(format!("{:.6}", lorenz(black_box(n))))),
        "prefix" => {
            let rounds = number(1)?;
            plan.carry_out(|| Ok(prefix(black_box(n as usize), black_box(rounds)).to_string()))
        }
        "sieve" => {
            let rounds = number(1)?;
            plan.carry_out(|| Ok(sieve(black_box(n as usize), black_box(rounds)).to_string()))
        }
        "smooth" => {
            let rounds = number(1)?;
            plan.carry_out(|| Ok(format!("{:.6}", smooth(black_box(n as usize), black_box(rounds)))))
        }
        _ => Err(format!("{name} is not there in Rust")),
    }
}

fn fib(n: i64) -> i64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

fn collatz(n: i64) -> i64 {
    let (mut best, mut sum) = (0, 0);
    for start in 1..n {
        let (mut x, mut steps) = (start, 0);
        while x != 1 {
            if x % 2 == 0 {
                x /= 2;
            } else {
                x = 3 * x + 1;
            }
            steps += 1;
        }
        if steps > best {
            best = steps;
        }
        sum += steps;
    }
    best * 1_000_000_000 + sum
}

fn lcg(n: i64) -> i64 {
    let (mut x, mut low) = (1, 0);
    for i in 0..n {
        x = (x * 48271 + i) % 2147483647;
        if x < 1_000_000_000 {
            low += 1;
        }
    }
    x + low
}

fn logistic(n: i64) -> f64 {
    let (mut x, mut sum) = (0.5, 0.0);
    for _ in 0..n {
        x = 3.9 * x * (1.0 - x);
        sum += x;
    }
    sum
}

fn lorenz(n: i64) -> f64 {
    let (mut x, mut y, mut z, mut highest) = (1.0, 1.0, 1.0, 0.0);
    for _ in 0..n {
        let dx = 10.0 * (y - x);
        let dy = x * (28.0 - z) - y;
        let dz = x * y - 8.0 / 3.0 * z;
        x += 0.001 * dx;
        y += 0.001 * dy;
        z += 0.001 * dz;
        if z > highest {
            highest = z;
        }
    }
    x + y + z + highest
}

fn prefix(n: usize, rounds: i64) -> i64 {
    let mut xs: Vec<i64> = (0..n as i64).map(|i| i * 7919 % 10007).collect();
    for _ in 0..rounds {
        for i in 1..n {
            xs[i] = (xs[i] + xs[i - 1]) % 1000003;
        }
    }
    xs[n - 1] + xs[n / 2]
}

fn sieve(n: usize, rounds: i64) -> i64 {
    let mut marks = vec![0; n + 1];
    let mut count = 0;
    for round in 1..=rounds {
        for i in 2..=n {
            if marks[i] == round {
                continue;
            }
            count += 1;
            let mut k = i * i;
            while k <= n {
                marks[k] = round;
                k += i;
            }
        }
    }
    count
}

fn smooth(n: usize, rounds: i64) -> f64 {
    let mut xs: Vec<f64> = (0..n as i64).map(|i| (i * 7919 % 10007) as f64).collect();
    for _ in 0..rounds {
        for i in 1..n - 1 {
            xs[i] = 0.5 * xs[i] + 0.25 * (xs[i - 1] + xs[i + 1]);
        }
    }
    xs[n / 2] + xs[n / 3]
}
