//! Many writers before one committing thread, which makes one durable batch of those who wait.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Outcome;
use crate::workload::Write;

/// When a batch is full enough.
pub(crate) struct Fill {
    /// It never has more writes.
    pub(crate) writes_max: usize,
    /// It waits this long for the next write before it does with fewer.
    pub(crate) patience: Duration,
}

/// The writers' end.
pub(crate) struct Funnel {
    queue: Option<Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

struct Waiting {
    write: Write,
    reply: Sender<Outcome<()>>,
}

impl Funnel {
    /// Starts the committing thread. `commit` makes a batch durable, all or none.
    pub(crate) fn start(
        fill: Fill,
        mut commit: impl FnMut(&[Write]) -> Outcome<()> + Send + 'static,
    ) -> Self {
        let (queue, waiting) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            while let Some(batch) = next_batch(&waiting, &fill) {
                let (writes, replies): (Vec<_>, Vec<_>) =
                    batch.into_iter().map(|one| (one.write, one.reply)).unzip();
                let failure = commit(&writes).err().map(|error| error.to_string());
                for reply in replies {
                    // A writer that does not wait any more has failed by itself.
                    let _ = reply.send(
                        failure
                            .clone()
                            .map_or(Ok(()), |failure| Err(failure.into())),
                    );
                }
            }
        });
        Self {
            queue: Some(queue),
            thread: Some(thread),
        }
    }

    /// Waits until the write is part of a durable batch.
    pub(crate) fn write(&self, write: &Write) -> Outcome<()> {
        let (reply, done) = mpsc::channel();
        let queue = self
            .queue
            .as_ref()
            .ok_or("the committing thread was stopped")?;
        queue.send(Waiting {
            write: write.clone(),
            reply,
        })?;
        done.recv()?
    }
}

impl Drop for Funnel {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic has shown itself already, and made the writers fail.
            let _ = thread.join();
        }
    }
}

fn next_batch(waiting: &Receiver<Waiting>, fill: &Fill) -> Option<Vec<Waiting>> {
    let mut batch = vec![waiting.recv().ok()?];
    while batch.len() < fill.writes_max {
        let Ok(next) = waiting.recv_timeout(fill.patience) else {
            break;
        };
        batch.push(next);
    }
    Some(batch)
}
