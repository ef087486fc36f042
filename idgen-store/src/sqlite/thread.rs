//! One thread, one connection, one transaction for all requests that have queued up.
//!
//! The thread takes the first request, then whatever else is waiting, begins a transaction, runs
//! each request in a savepoint, commits, and only then answers them all. If the commit fails, no
//! request is told a result: each gets the failure, and what it might have granted is a gap.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::{Fault, Trouble};
use super::file::StoreFile;

/// At most so many requests share a transaction.
const MAX_BATCH: usize = 128;

pub(super) struct StoreThread {
    requests: Option<Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
    path: String,
}

/// Whether a request takes the write lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

trait Request: Send {
    fn access(&self) -> Access;

    /// Nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Runs inside the transaction; whether what it wrote shall stand.
    fn run(&mut self, conn: &Connection) -> bool;

    /// What SQLite refused it.
    fn take_failure(&mut self) -> Option<rusqlite::Error>;

    /// Tells the result, or the failure of the whole transaction.
    fn answer(self: Box<Self>, file: &StoreFile, outcome: Result<(), Trouble>);
}

struct Call<T, E, F> {
    access: Access,
    work: Option<F>,
    result: Option<Result<T, Fault<E>>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Request for Call<T, E, F>
where
    T: Send,
    E: Send + From<Trouble>,
    F: Send + FnOnce(&Connection) -> Result<T, Fault<E>>,
{
    fn access(&self) -> Access {
        self.access
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, conn: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(conn));
        matches!(self.result, Some(Ok(_)))
    }

    fn take_failure(&mut self) -> Option<rusqlite::Error> {
        match self.result.take() {
            Some(Err(Fault::Sql(error))) => Some(error),
            other => {
                self.result = other;
                None
            }
        }
    }

    fn answer(self: Box<Self>, file: &StoreFile, outcome: Result<(), Trouble>) {
        let told = match (outcome, self.result) {
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), Some(Err(fault))) => Err(fault.tell(file.path())),
            (Err(trouble), _) => Err(trouble.into()),
            (Ok(()), None) => unreachable!("a committed transaction has run every request"),
        };
        // A caller that has gone away gets no answer: what it was granted is a gap.
        drop(self.reply.send(told));
    }
}

impl StoreThread {
    pub(super) fn start(file: StoreFile) -> Result<Self, Trouble> {
        let path = file.path().display().to_string();
        let (requests, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("idgen-sqlite".to_owned())
            .spawn(move || serve(file, &queue))
            .map_err(|error| {
                Trouble::Unavailable(format!(
                    "no thread for {path} ({error}); raise the limit of threads and retry"
                ))
            })?;
        Ok(Self { requests: Some(requests), thread: Some(thread), path })
    }

    /// Runs `work` in a transaction on the thread; it is committed before this returns `Ok`.
    pub(super) async fn call<T, E, F>(&self, access: Access, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<Trouble> + 'static,
        F: Send + FnOnce(&Connection) -> Result<T, Fault<E>> + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Call { access, work: Some(work), result: None, reply };
        let sent = self.requests.as_ref().is_some_and(|queue| queue.send(Box::new(call)).is_ok());
        let told = if sent { answer.await.ok() } else { None };
        told.unwrap_or_else(|| {
            let path = &self.path;
            let said = format!("the thread of {path} has ended by a bug; open the store anew");
            Err(Trouble::Unavailable(said).into())
        })
    }
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened; nobody is left to be told.
            drop(thread.join());
        }
    }
}

fn serve(mut file: StoreFile, queue: &Receiver<Box<dyn Request>>) {
    while let Ok(first) = queue.recv() {
        let waiting = queue.try_iter().take(MAX_BATCH - 1);
        let mut batch: Vec<_> = std::iter::once(first).chain(waiting).collect();
        batch.retain(|request| !request.is_abandoned());
        if batch.is_empty() {
            continue;
        }
        let outcome = transact(&mut file, &mut batch);
        for request in batch {
            request.answer(&file, outcome.clone());
        }
    }
}

fn transact(file: &mut StoreFile, batch: &mut [Box<dyn Request>]) -> Result<(), Trouble> {
    let writes = batch.iter().any(|request| request.access() == Access::Write);
    let conn = file.checked()?;
    let done = run_all(conn, if writes { "BEGIN IMMEDIATE" } else { "BEGIN" }, batch);
    if done.is_err() && !conn.is_autocommit() {
        // What fails here is tried again, and then told, by `checked` before the next transaction.
        drop(conn.execute_batch("ROLLBACK"));
    }
    done.map_err(|error| Trouble::of(file.path(), &error))
}

fn run_all(conn: &Connection, begin: &str, batch: &mut [Box<dyn Request>]) -> rusqlite::Result<()> {
    conn.execute_batch(begin)?;
    for request in batch {
        conn.execute_batch("SAVEPOINT request")?;
        let stands = request.run(conn);
        if conn.is_autocommit() {
            // A full disk or a failed write has undone the whole transaction, not the savepoint.
            return Err(request.take_failure().unwrap_or(rusqlite::Error::InvalidQuery));
        }
        if !stands {
            conn.execute_batch("ROLLBACK TO request")?;
        }
        conn.execute_batch("RELEASE request")?;
    }
    conn.execute_batch("COMMIT")
}
