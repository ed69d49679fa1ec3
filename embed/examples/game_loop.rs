//! A game whose characters are scripts: each is a task that lives over many frames and says what it waits for.
//!
//! The host owns the loop. In every frame it gives the scripts 2 ms (`Vm::pump`), reads what they want through a host
//! function, and sleeps until something happens: the next frame, a timer of a script, or a word from another thread of the
//! VM, which the wake callback passes on.
//!
//! Run it with `cargo run -p corella --example game_loop`.

use corella::{Engine, Error};
use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const SCRIPT: &str = r#"
    // Characters are tasks: `sleep` gives the others and the host their turn, and no loop in here blocks a frame.
    function patrol(name, int from, int to) {
        int x = from;
        int step = from < to ? 1 : -1;
        while (x != to) {
            x += step;
            move_to(name, x);
            sleep(0.002);
        }
        return `${name} stands at ${x}`;
    }

    // Thinking hard takes many frames; preemption shares the time, so the patrols go on meanwhile.
    function think(int depth) {
        int n = 0;
        for (i in 0..depth) n = (n * 31 + i) % 1000003;
        return `thought of ${n}`;
    }

    // A second thread of the operating system works out the path; its answer wakes the host.
    function find_path(int steps) {
        var helper = new Thread("paths");
        var path = await helper.spawn(search, steps);
        helper.end();
        return `path of ${path}`;
    }

    function search(int steps) {
        int best = 0;
        for (i in 0..steps) if (i % 977 > best) best = i % 977;
        return best;
    }
"#;

/// A frame's time, and what scripts may take of it.
const FRAME: Duration = Duration::from_millis(8);
const BUDGET: Duration = Duration::from_millis(2);

/// The positions of all characters, as the host draws them.
type World = Arc<Mutex<BTreeMap<String, i64>>>;

/// Plays until the scripts have ended; gives what each of them reported.
pub(crate) fn play() -> Result<Vec<String>, Error> {
    let world = World::default();
    let seen = world.clone();
    let engine = Engine::builder()
        .function("move_to", move |name: String, x: i64| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).insert(name, x);
        })
        .build();
    let script = engine.compile("characters.cor", SCRIPT)?;
    let mut vm = engine.vm()?;
    let module = vm.load(&script)?;

    // The host's event queue; a real game has its window's.
    let (events, queue) = channel();
    let events = Mutex::new(events);
    vm.set_waker(move || {
        // A host that has left its loop needs no waking.
        let _ = events.lock().unwrap_or_else(PoisonError::into_inner).send(());
    });

    let mut running = vec![
        vm.start(&module, "patrol", ("guard", 0, 5))?,
        vm.start(&module, "patrol", ("dog", 9, 3))?,
        vm.start(&module, "think", (100_000,))?,
        vm.start(&module, "find_path", (50_000,))?,
    ];
    let mut reports = Vec::new();
    while !running.is_empty() {
        let frame_ends = Instant::now() + FRAME;
        let next = vm.pump(BUDGET);
        for task in std::mem::take(&mut running) {
            match vm.poll::<String>(&task) {
                Ok(None) => running.push(task),
                Ok(Some(report)) => reports.push(report),
                Err(error) => reports.push(format!("failed: {error}")),
            }
        }
        draw(&world);
        // Sleeps until the next frame, or until a script has something to do: a timer, or another thread that rings.
        let until = next.map_or(frame_ends, |moment| moment.min(frame_ends));
        let _ = queue.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
    reports.sort();
    Ok(reports)
}

fn draw(world: &World) {
    // What would be drawn is only looked at here.
    let _positions = world.lock().unwrap_or_else(PoisonError::into_inner).clone();
}

#[allow(dead_code)] // the tests call `play`
fn main() -> Result<(), Error> {
    for report in play()? {
        println!("{report}");
    }
    Ok(())
}
