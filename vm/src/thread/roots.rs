//! What a thread's collector starts from, and what happens when it has found what lives.

use super::Thread;
use super::futures::RemoteFutures;
use super::registry::{Message, Reply};
use super::sched::Sched;
use super::unseen::Unseen;
use crate::heap::{Liveness, Roots, Tracer};
use crate::object::task::{Future, Generator, Task, task_flag};
use crate::value::Value;

/// The thread without its heap, as the collector sees it.
struct ThreadRoots<'a> {
    sched: &'a mut Sched,
    remote: &'a mut RemoteFutures,
    unseen: &'a mut Unseen,
    envs: &'a [Value],
    pins: &'a [Value],
    current: *mut Task,
    dead: &'a mut Vec<(u32, u64)>,
    dead_remote: Vec<(u32, u64)>,
}

impl Roots for ThreadRoots<'_> {
    fn trace(&mut self, tracer: &mut Tracer) {
        // A task that is not on the list of dirty ones was found live by the last collection.
        if !tracer.wants_changes_only() {
            for task in &self.sched.tasks {
                if !task.is_null() {
                    tracer.object(task.cast());
                }
            }
        }
        self.trace_volatile(tracer);
    }

    fn trace_volatile(&mut self, tracer: &mut Tracer) {
        // A spare stack used from here on must be one that was found live.
        self.sched.drop_spare_stacks();
        if !self.current.is_null() {
            tracer.object(self.current.cast());
        }
        for value in self.envs.iter().chain(self.pins) {
            tracer.value(*value);
        }
        self.unseen.trace(tracer);
        for future in self.remote.serving.values() {
            tracer.value(*future);
        }
        let current = self.current;
        let keep = tracer.only_lists();
        self.sched.dirty.retain(|&task| {
            // SAFETY: a task on this list lived when it last ran; ended ones have no stack, and are kept by the clearing below
            // happening at every collection before anything is swept.
            unsafe {
                tracer.object(task.cast());
                let stack = (*task).stack;
                if !stack.is_null() {
                    tracer.object(stack.cast());
                    tracer.stack(stack, (*stack).base);
                }
                let mut generator = (*task).generator.get();
                while !generator.is_null() {
                    let g = generator.pointer().cast::<Generator>();
                    tracer.object(g.cast());
                    if !(*g).stack.is_null() {
                        tracer.stack((*g).stack, (*(*g).stack).base);
                    }
                    generator = (*g).outer;
                }
                if task != current && !keep {
                    (*task).flags &= !task_flag::DIRTY;
                }
            }
            task == current || keep
        });
    }

    fn after_mark(&mut self, live: &Liveness) {
        self.sched.drop_spare_stacks();
        let Sched { tasks, young_futures, .. } = &mut *self.sched;
        // Whether the task's future is one that the next young collection may find dead.
        let mut look = |task: *mut Task| {
            // SAFETY: the table holds living tasks; the future's memory is not freed before this returns.
            unsafe {
                let future = (*task).future;
                if future.is_null() {
                    return false;
                }
                if !live.is_live(future.cast()) {
                    (*task).future = std::ptr::null_mut();
                    // A future that only observes the task (see `futures::observe`) may come and go.
                    if (*task).flags & task_flag::HAS_FUTURE != 0 {
                        self.dead.push(((*task).table_index, (*task).id));
                    }
                    return false;
                }
                !live.is_old(future.cast())
            }
        };
        if live.is_full() {
            young_futures.clear();
            for &task in tasks.iter().filter(|task| !task.is_null()) {
                if look(task) {
                    // SAFETY: as above.
                    young_futures.push(unsafe { ((*task).table_index, (*task).id) });
                }
            }
        } else {
            young_futures.retain(|&(index, id)| {
                let task = tasks[index as usize];
                // SAFETY: as above.
                !task.is_null() && unsafe { (*task).id == id } && look(task)
            });
        }
        self.unseen.after_mark(live);
        let dead = &mut self.dead_remote;
        self.remote.waiting.retain(|number, (future, thread): &mut (*mut Future, u64)| {
            let lives = live.is_live((*future).cast());
            if !lives {
                dead.push((*number, *thread));
            }
            lives
        });
    }
}

enum Extent {
    Slice,
    Full,
    Verify,
}

impl Thread {
    /// A bounded piece of collection work.
    pub fn collect_slice(&mut self) {
        let _ = self.with_roots(&Extent::Slice); // only verification has something to say
    }

    /// A full collection.
    pub fn collect_now(&mut self) {
        let _ = self.with_roots(&Extent::Full); // as above
    }

    /// Checks the heap.
    ///
    /// # Errors
    /// What is wrong: a bug of ours.
    pub fn verify_heap(&mut self) -> Result<(), String> {
        self.with_roots(&Extent::Verify)
    }

    fn with_roots(&mut self, extent: &Extent) -> Result<(), String> {
        if !self.current.is_null() && !self.base.is_null() {
            self.save_frame();
        }
        let mut roots = ThreadRoots {
            sched: &mut self.sched,
            remote: &mut self.remote,
            unseen: &mut self.unseen,
            envs: &self.envs,
            pins: &self.pins,
            current: self.current,
            dead: &mut self.sched_dead_futures,
            dead_remote: Vec::new(),
        };
        let result = match extent {
            Extent::Slice => {
                self.heap.safepoint(&mut roots);
                Ok(())
            }
            Extent::Full => {
                self.heap.collect(&mut roots);
                Ok(())
            }
            Extent::Verify => self.heap.verify(&mut roots),
        };
        let dead_remote = roots.dead_remote;
        for (number, owner) in dead_remote {
            let reply = Reply { thread: self.shared.id, number };
            // If the owner has ended there is nothing left to cancel.
            let _ = self.vm.registry.send(owner, Message::Cancel(reply));
        }
        result
    }
}
