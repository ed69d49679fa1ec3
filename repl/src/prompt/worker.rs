//! The VM's thread: evaluates what the prompt asks for, and runs the session's tasks in between.

use super::screen::Screen;
use crate::failure::Failure;
use corella::{Engine, Error, Interrupt, Session, Vm};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long tasks run before the thread looks for requests.
const SLICE: Duration = Duration::from_millis(10);
/// How long the editor waits for names to complete with.
const IMPATIENT: Duration = Duration::from_millis(150);
const NO_EXIT: i64 = i64::MIN;

/// What came of an input.
pub(crate) enum Answer {
    /// It has no value to show.
    Nothing,
    /// The value of its last expression, as text.
    Value(String),
    /// What is wrong with it, or what it threw, as text.
    Failed(String),
    /// It called `exit`.
    Exit(i32),
}

enum Request {
    Evaluate {
        input: String,
        colours: bool,
        reply: Sender<Answer>,
    },
    Listing {
        name: String,
        reply: Sender<Option<String>>,
    },
    Names {
        path: Vec<String>,
        reply: Sender<Vec<String>>,
    },
    Tasks {
        reply: Sender<usize>,
    },
    /// Another thread of the VM has something for this one.
    Wake,
}

/// The prompt's end of the line to the VM's thread.
pub(crate) struct Worker {
    requests: Mutex<Sender<Request>>,
    interrupt: Interrupt,
    /// The status that a task gave to `exit` while nothing was evaluated.
    exit: Arc<AtomicI64>,
}

impl Worker {
    /// Makes the VM and starts its thread.
    pub(crate) fn start(engine: Engine, screen: Screen) -> Result<Worker, Failure> {
        let mut vm = engine.vm()?;
        let (requests, inbox) = channel();
        let interrupt = vm.interrupt_handle();
        let waker = Mutex::new(requests.clone());
        vm.set_waker(move || {
            // If the thread has ended, there is nobody to wake.
            let _ = waker.lock().unwrap_or_else(PoisonError::into_inner).send(Request::Wake);
        });
        let exit = Arc::new(AtomicI64::new(NO_EXIT));
        let seen = exit.clone();
        std::thread::Builder::new()
            .name("vm".into())
            .spawn(move || serve(vm, &inbox, &seen, &screen))
            .map_err(|error| Failure::plain(format!("cannot start a thread: {error}")))?;
        Ok(Worker { requests: Mutex::new(requests), interrupt, exit })
    }

    pub(crate) fn interrupt_handle(&self) -> Interrupt {
        self.interrupt.clone()
    }

    fn send(&self, request: Request) {
        // The thread lives as long as this end; if it died, the answer's channel says so.
        let _ = self.requests.lock().unwrap_or_else(PoisonError::into_inner).send(request);
    }

    /// Evaluates an input and waits for it.
    pub(crate) fn evaluate(&self, input: &str, colours: bool) -> Answer {
        let (reply, answer) = channel();
        self.send(Request::Evaluate { input: input.to_owned(), colours, reply });
        answer.recv().unwrap_or_else(|_| Answer::Failed("corella: the VM has ended\n".into()))
    }

    /// The bytecode of a function of the session.
    pub(crate) fn listing(&self, name: &str) -> Option<String> {
        let (reply, answer) = channel();
        self.send(Request::Listing { name: name.to_owned(), reply });
        answer.recv().ok().flatten()
    }

    /// Names that may follow a path, or those of the session if it is empty; nothing if the VM is busy.
    pub(crate) fn names(&self, path: &[&str]) -> Vec<String> {
        let (reply, answer) = channel();
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        self.send(Request::Names { path, reply });
        answer.recv_timeout(IMPATIENT).unwrap_or_default()
    }

    /// How many tasks live.
    pub(crate) fn tasks(&self) -> usize {
        let (reply, answer) = channel();
        self.send(Request::Tasks { reply });
        answer.recv().unwrap_or_default()
    }

    /// The status with which a task in the background wants the program to end.
    pub(crate) fn exit_wanted(&self) -> Option<i32> {
        let status = self.exit.load(Ordering::SeqCst);
        i32::try_from(status).ok()
    }
}

fn serve(mut vm: Vm, inbox: &Receiver<Request>, exit: &AtomicI64, screen: &Screen) {
    let mut session = Session::new();
    loop {
        let next = vm.pump(SLICE);
        vm.flush();
        if let Some(status) = vm.take_exit() {
            exit.store(status.into(), Ordering::SeqCst);
            let mut writer = screen.writer();
            // A closed terminal leaves nobody to tell.
            let _ = std::io::Write::write_all(
                &mut writer,
                format!("a task called exit({status}): press Enter to leave\n").as_bytes(),
            );
        }
        let wait = next.map(|moment| moment.saturating_duration_since(Instant::now()));
        let request = match wait {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => inbox.recv_timeout(wait),
        };
        match request {
            Ok(request) => answer(&mut vm, &mut session, request),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn answer(vm: &mut Vm, session: &mut Session, request: Request) {
    // Whoever asked may have lost patience: then nobody takes the answer.
    match request {
        Request::Wake => {}
        Request::Evaluate { input, colours, reply } => {
            let answer = evaluate(vm, session, &input, colours);
            vm.flush();
            let _ = reply.send(answer);
        }
        Request::Listing { name, reply } => {
            let _ = reply.send(session.listing(&name));
        }
        Request::Names { path, reply } => {
            let names = match path.is_empty() {
                true => session.globals().to_vec(),
                false => {
                    let path: Vec<&str> = path.iter().map(String::as_str).collect();
                    session.members(vm, &path)
                }
            };
            let _ = reply.send(names);
        }
        Request::Tasks { reply } => {
            let _ = reply.send(vm.tasks());
        }
    }
}

fn evaluate(vm: &mut Vm, session: &mut Session, input: &str, colours: bool) -> Answer {
    let script = match session.compile(vm, input) {
        Ok(script) => script,
        Err(error) => return Answer::Failed(error.render(colours)),
    };
    let warnings = script.render_warnings(colours);
    let result = session.run_shown(vm, &script);
    match result {
        Ok(None) if warnings.is_empty() => Answer::Nothing,
        Ok(None) => Answer::Failed(warnings),
        Ok(Some(text)) => Answer::Value(warnings + &text),
        Err(Error::Exit(status)) => Answer::Exit(status),
        Err(error) => Answer::Failed(error.report()),
    }
}
