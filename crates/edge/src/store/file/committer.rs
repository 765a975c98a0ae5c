//! The one thread that writes. It takes all who wait and commits for them together, since a commit takes as long for one as
//! for hundreds; each is told when it is done.

use super::keeper::Keeper;
use super::tables::{Done, Fallible, Tables};
use countersign_core::session::StoreError;
use countersign_core::time::Monotonic;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many are committed together at most.
const BATCH: usize = 512;
/// How many may wait before others wait to wait.
const WAITING: usize = 1024;
/// How many writes that need not last are kept off the disk, and how long.
const PASSING: usize = 4096;
const PASSING_FOR: Duration = Duration::from_secs(10);
/// How long nothing is written after a failure: the file is opened anew, and its reader should come to something.
const PAUSE: Duration = Duration::from_secs(1);
/// How many times longer than it took to open the file anew: nobody reads meanwhile.
const LONGER: u32 = 9;

/// Whoever has something to write.
#[derive(Debug)]
pub(super) struct Committer {
    keeper: Arc<Keeper>,
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// A write, whatever it gives.
trait Job: Send {
    /// Does it within the transaction.
    fn work(&mut self, tables: &mut Tables<'_>) -> Fallible<()>;

    /// Whether it has to be on the disk before it is answered.
    fn lasts(&self) -> bool;

    /// Tells whoever asked how it went.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<T, W> {
    work: Option<W>,
    lasts: bool,
    done: Option<Result<T, StoreError>>,
    asker: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Write<T, W>
where
    T: Send,
    W: FnOnce(&mut Tables<'_>) -> Done<T> + Send,
{
    fn work(&mut self, tables: &mut Tables<'_>) -> Fallible<()> {
        if let Some(work) = self.work.take() {
            self.done = Some(work(tables)?);
        }
        Ok(())
    }

    fn lasts(&self) -> bool {
        self.lasts
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let done = self.done.unwrap_or_else(|| Err(gone()));
        // Who no longer waits is told nothing.
        drop(self.asker.send(committed.and(done)));
    }
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(keeper: Arc<Keeper>) -> Result<Self, String> {
        let (jobs, receiver) = mpsc::channel(WAITING);
        let writer = Writer {
            last: keeper.clock().monotonic(),
            keeper: Arc::clone(&keeper),
            passing: 0,
            failed: None,
        };
        let thread = std::thread::Builder::new()
            .name("session-file".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|error| format!("no thread to write the session file: {error}"))?;
        Ok(Self {
            keeper,
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// A write that is on the disk when it is answered.
    pub(super) async fn lasting<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(true, work).await
    }

    /// A write that a crash may lose.
    pub(super) async fn passing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(false, work).await
    }

    /// What was read, or why not; a damaged file is handed to the thread.
    pub(super) async fn told<T: Send + 'static>(&self, read: Fallible<T>) -> Result<T, StoreError> {
        match read {
            Ok(found) => Ok(found),
            Err(
                error @ (redb::Error::Corrupted(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed),
            ) => self.ask(true, |_| Err(error)).await,
            Err(error) => Err(self.keeper.told(&error, &[])),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        lasts: bool,
        work: impl FnOnce(&mut Tables<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (asker, answer) = oneshot::channel();
        let job = Write {
            work: Some(work),
            lasts,
            done: None,
            asker,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Box::new(job)).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable(
        "the thread that writes the session file has ended: restart the gateway".to_owned(),
    )
}

impl Drop for Committer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What the thread knows.
struct Writer {
    keeper: Arc<Keeper>,
    /// When all was on the disk last.
    last: Monotonic,
    /// How many writes are not.
    passing: usize,
    /// The last failure, and until when nothing is tried.
    failed: Option<(StoreError, Monotonic)>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("passing", &self.passing)
            .finish_non_exhaustive()
    }
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            let committed = self.commit(&mut batch);
            for job in batch {
                job.answer(committed.clone());
            }
        }
        if self.passing > 0 {
            // Nobody is left to be told.
            drop(self.commit(&mut []));
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let now = self.keeper.clock().monotonic();
        if let Some((why, until)) = &self.failed
            && now < *until
        {
            return Err(why.clone());
        }
        self.failed = None;
        let lasting = batch.is_empty()
            || batch.iter().any(|job| job.lasts())
            || self.passing + batch.len() > PASSING
            || now.since(self.last) >= PASSING_FOR;
        let writes = batch.len();
        let written = self.keeper.ready().and_then(|()| {
            let work = |tables: &mut Tables<'_>| batch.iter_mut().try_for_each(|job| job.work(tables));
            let written = self.keeper.write(lasting, writes, work);
            written.map_err(|error| self.keeper.mend(&error))
        });
        if let Err(why) = written {
            let after = self.keeper.clock().monotonic();
            let pause = PAUSE.max(after.since(now).saturating_mul(LONGER));
            self.failed = Some((why.clone(), after.plus(pause)));
            return Err(why);
        }
        if lasting {
            (self.last, self.passing) = (now, 0);
        } else {
            self.passing += writes;
        }
        Ok(())
    }
}
