//! Avatars that scripts load in a host's event loop: the host does the network's part, the scripts say what is wanted and in what order.
//!
//! A script asks through a host function and waits for a promise; when the answer has come, as an event, the host calls the script's
//! `answered`. So a task looks like straight code, waits alone, and no frame of the host is held up. A product that cannot be loaded is left out
//! by the script; any other failure reaches the host that awaits the avatar. When a window is closed, its task is cancelled, and with it what that was
//! loading.
//!
//! Run it with `cargo run -p corella --example avatar`.

use corella::{Engine, Error};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const SCRIPT: &str = r#"
    import future { Promise };

    class NetworkError : Error {}
    class ProductError : Error {}

    var open = {};                              // promises by ticket
    var tickets = 0;
    var given_up = 0;

    // Asks the host's network; only this task waits.
    function ask(what, id) {
        tickets++;
        var ticket = tickets;
        var promise = new Promise();
        open[ticket] = promise;
        request(ticket, what, `${id}`);
        try { return await promise.future; }
        catch (TaskExit e) { given_up++; throw e; }
        finally { open.remove(ticket); }
    }

    // The host calls this with what has come. Nobody may be waiting any more.
    function answered(int ticket, text, failure) {
        var promise = open.get(ticket, null);
        if (promise == null) return;
        if (failure == null) promise.resolve(text);
        else promise.reject(failure == "product" ? new ProductError(text) : new NetworkError(text));
    }

    function load_product(id) { return ask("product", id); }

    function load_avatar(user) {
        var info = spawn ask("info", user);     // both are asked for at once
        var outfit = (await spawn ask("outfit", user)).split(" ");
        var loading = outfit.map(id => spawn load_product(id));
        var loaded = [];
        for (product in loading) {
            try { loaded.push(await product); }
            catch (ProductError e) {}           // left out
        }
        return `${await info} wears ${loaded.join(" and ")}`;
    }

    function abandoned() { return given_up; }
"#;

/// A frame's time, and what scripts may take of it.
const FRAME: Duration = Duration::from_millis(8);
const BUDGET: Duration = Duration::from_millis(2);

/// What the host's event queue brings.
enum Event {
    /// A script has something to do: its timer, or a word from another thread.
    Wake,
    /// The network's answer to a ticket: a text, or a message and the kind of failure.
    Answer(i64, String, Option<&'static str>),
}

/// What a server would know. It takes a while, and of some it never says anything.
fn ask_the_network(answers: Sender<Event>, ticket: i64, what: String, id: String) {
    if id == "zoe" {
        return;
    }
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(if what == "product" { 4 } else { 2 }));
        let (text, failure) = match (what.as_str(), id.as_str()) {
            ("info", "eve") => ("no answer about eve".to_owned(), Some("network")),
            ("info", user) => (user.to_uppercase(), None),
            ("outfit", _) => ("hat 13 coat".to_owned(), None),
            (_, "13") => ("product 13 is damaged".to_owned(), Some("product")),
            (_, product) => (format!("a {product}"), None),
        };
        // A host that has left its loop wants no answer.
        let _ = answers.send(Event::Answer(ticket, text, failure));
    });
}

/// What became of the avatars, and how many requests were given up.
pub(crate) fn load() -> Result<(Vec<String>, i64), Error> {
    let (events, queue) = channel();
    let sender = Mutex::new(events.clone());
    let unanswered = Arc::new(AtomicUsize::new(0));
    let asked = unanswered.clone();
    let engine = Engine::builder()
        .function("request", move |ticket: i64, what: String, id: String| {
            let answers = sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if id == "zoe" {
                asked.fetch_add(1, Ordering::Relaxed);
            }
            ask_the_network(answers, ticket, what, id);
        })
        .build();
    let script = engine.compile("avatar.cor", SCRIPT)?;
    let mut vm = engine.vm()?;
    let module = vm.load(&script)?;
    let events = Mutex::new(events);
    vm.set_waker(move || {
        let _ = events.lock().unwrap_or_else(PoisonError::into_inner).send(Event::Wake);
    });

    let mut loading = Vec::new();
    for user in ["ann", "bob", "eve"] {
        loading.push((user, vm.start(&module, "load_avatar", (user,))?));
    }
    // A window that the user closes as soon as it waits for its two answers.
    let mut closed = Some(vm.start(&module, "load_avatar", ("zoe",))?);
    let mut reports = Vec::new();
    while !loading.is_empty() || closed.is_some() {
        let frame_ends = Instant::now() + FRAME;
        let next = vm.pump(BUDGET);
        if unanswered.load(Ordering::Relaxed) == 2
            && let Some(task) = closed.take()
        {
            vm.cancel(&task)?;
        }
        for (user, task) in std::mem::take(&mut loading) {
            match vm.poll::<String>(&task) {
                Ok(None) => loading.push((user, task)),
                Ok(Some(avatar)) => reports.push(avatar),
                Err(error) => reports.push(format!("{user}: {error}")),
            }
        }
        let until = next.map_or(frame_ends, |moment| moment.min(frame_ends));
        while let Ok(event) = queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
            match event {
                Event::Wake => break,
                Event::Answer(ticket, text, failure) => {
                    vm.call::<()>(&module, "answered", (ticket, text, failure.map(str::to_owned)))?;
                }
            }
        }
    }
    reports.sort();
    // What the closed window's task was waiting for is let go of when the collector finds it, a moment later.
    let patience = Instant::now() + Duration::from_secs(5);
    loop {
        let given_up = vm.call(&module, "abandoned", ())?;
        if given_up == 2 || Instant::now() > patience {
            return Ok((reports, given_up));
        }
        vm.pump_until(Instant::now() + FRAME);
    }
}

#[allow(dead_code)] // the tests call `load`
fn main() -> Result<(), Error> {
    let (reports, given_up) = load()?;
    for report in reports {
        println!("{report}");
    }
    println!("{given_up} requests were given up");
    Ok(())
}
