//! The thread that waits for the disk and for locks, so that no executor does.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::directory::Directory;
use crate::RegistryError;

type Request = Box<dyn FnOnce(&Directory) + Send>;

pub(super) struct DirectoryThread {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl DirectoryThread {
    pub(super) fn start(directory: Directory) -> Result<Self, RegistryError> {
        let shown = directory.path().display().to_string();
        let (requests, queue): (_, Receiver<Request>) = channel();
        let serve = move || queue.iter().for_each(|request| request(&directory));
        let thread = std::thread::Builder::new().name("idgen-file".to_owned());
        let thread = thread.spawn(serve).map_err(|error| {
            RegistryError::Unavailable(format!(
                "no thread for {shown} ({error}); raise the limit of threads and retry"
            ))
        })?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Runs `work` on the thread, unless nobody waits for it any more.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let (reply, answer) = oneshot::channel();
        let request = move |directory: &Directory| {
            if !reply.is_closed() {
                // A caller that has gone away gets no answer: its lease is free after its time.
                drop(reply.send(work(directory)));
            }
        };
        let queue = self.requests.as_ref();
        let sent = queue.is_some_and(|queue| queue.send(Box::new(request)).is_ok());
        let told = if sent { answer.await.ok() } else { None };
        told.unwrap_or_else(|| {
            let said = "the thread of the registry has ended by a bug; open the registry anew";
            Err(RegistryError::Unavailable(said.to_owned()))
        })
    }
}

impl Drop for DirectoryThread {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened; nobody is left to be told.
            drop(thread.join());
        }
    }
}
