//! What becomes of requests to a server in memory, for the tests of layers over stores.

use std::sync::{LazyLock, Mutex};

use tokio::runtime::Runtime;

use crate::StoreError;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

/// The executor that both ends of a request run on.
pub(crate) fn executor() -> &'static Runtime {
    &RUNTIME
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// What happens to the next request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It takes effect, and its reply is lost.
    ReplyLost,
    /// It takes effect, and the driver sends it once more.
    SentTwice,
    /// It takes effect, and no reply comes in time.
    Silent,
}

/// The way to the server.
#[derive(Default)]
pub(crate) struct Road(Mutex<Option<Fate>>);

impl Road {
    pub(crate) fn meet(&self, fate: Fate) {
        *self.0.lock().unwrap() = Some(fate);
    }

    /// The answer to a request that does `work` when it arrives.
    pub(crate) async fn travel<T>(&self, work: impl Fn() -> T) -> Result<T, StoreError> {
        let fate = self.0.lock().unwrap().take();
        let lost = || StoreError::Unavailable("memory: the connection ended; retry".to_owned());
        if fate == Some(Fate::Lost) {
            return Err(lost());
        }
        let told = work();
        tokio::task::yield_now().await;
        match fate {
            Some(Fate::ReplyLost) => Err(lost()),
            Some(Fate::Silent) => std::future::pending().await,
            Some(Fate::SentTwice) => Ok(work()),
            _ => Ok(told),
        }
    }
}
