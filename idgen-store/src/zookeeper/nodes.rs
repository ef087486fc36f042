//! Documents as nodes, replaced by `setData` with the version that was seen.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use zookeeper_client::{Client, CreateOptions, Error, MultiReadResult, MultiWriteResult, Stat};

use super::fault::Fault;
use super::session::Session;
use crate::document::Documents;
use crate::swap::{Found, Swapped};
use crate::{StoreError, StoreIdentity};

/// ZooKeeper takes this version for "any"; servers before 3.9 count through it.
const ANY: i32 = -1;
/// How many nodes are asked for in one request, so that no answer has more than a few MiB.
const AT_ONCE: usize = 256;

/// For how many swaps after one that lost another race is expected.
const WARY: u32 = 32;

/// The nodes of all sequences.
pub(super) struct Nodes {
    session: Arc<Session>,
    /// How many swaps are left to be wary of others.
    wary: AtomicU32,
}

impl Nodes {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session, wary: AtomicU32::new(0) }
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.session.sequences())
    }

    /// Whether the next swap may well lose to another process.
    fn is_wary(&self) -> bool {
        // Relaxed: it decides only what is asked for early, and any value will do.
        let left = self.wary.load(Ordering::Relaxed);
        // Relaxed: a count that another thread overwrites is no worse.
        self.wary.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    fn become_wary(&self) {
        // Relaxed: as above.
        self.wary.store(WARY, Ordering::Relaxed);
    }
}

/// What `getData` answers.
type Data = Result<(Vec<u8>, Stat), Error>;

/// A node as it stands now.
pub(super) async fn load(client: &Client, path: &str) -> Result<Found<i32>, Fault> {
    // Sent at once and answered in this order.
    let (synced, asked) = (client.sync(path), client.get_data(path));
    synced.await?;
    found(path, asked.await)
}

fn found(path: &str, told: Data) -> Result<Found<i32>, Fault> {
    match told {
        Ok((_, stat)) if stat.version == ANY => Err(Fault::Damaged(format!(
            "node {path} has the version -1, which cannot be compared; write its own data to it \
             once more by hand"
        ))),
        Ok((data, stat)) => Ok(Some((stat.version, text(path, data)?))),
        Err(Error::NoNode) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The nodes right below another, each as it stands now, by name; `None` if that one is not there.
pub(super) async fn below(
    client: &Client,
    above: &str,
) -> Result<Option<Vec<(String, i32, String)>>, Fault> {
    let (synced, asked) = (client.sync(above), client.list_children(above));
    synced.await?;
    let names = match asked.await {
        Ok(names) => names,
        Err(Error::NoNode) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut all = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        let paths = names.iter().map(|name| format!("{above}/{name}")).collect::<Vec<_>>();
        let told = data_of(client, &paths).await?;
        for ((name, path), told) in names.iter().zip(&paths).zip(told) {
            if let Some((version, text)) = found(path, told)? {
                all.push((name.clone(), version, text));
            }
        }
    }
    Ok(Some(all))
}

/// What `getData` answers for each path, in one request. A request for each would be sent early
/// too, and still be a packet and a turn of the server's for each.
async fn data_of(client: &Client, paths: &[String]) -> Result<Vec<Data>, Error> {
    let mut reader = client.new_multi_reader();
    for path in paths {
        reader.add_get_data(path)?;
    }
    let told = reader.commit().await?;
    if told.len() != paths.len() {
        let (asked, told) = (paths.len(), told.len());
        return Err(Error::UnexpectedError(format!("{asked} reads got {told} answers")));
    }
    told.into_iter().map(data).collect()
}

/// One answer of several.
fn data(told: MultiReadResult) -> Result<Data, Error> {
    match told {
        MultiReadResult::Data { data, stat } => Ok(Ok((data, stat))),
        MultiReadResult::Error { err } => Ok(Err(err)),
        other => Err(Error::UnexpectedError(format!("a read was answered by {other:?}"))),
    }
}

pub(super) fn text(path: &str, data: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(data).map_err(|_not_utf8| Fault::Damaged(format!("node {path} is no text")))
}

/// Replaces a node that has not the last version but one before [`ANY`].
async fn replace(client: &Client, path: &str, seen: i32, text: &str) -> Result<i32, Error> {
    if seen.checked_add(1) != Some(ANY) {
        return Ok(client.set_data(path, text.as_bytes(), Some(seen)).await?.version);
    }
    // Twice as one step, so that nobody ever sees the version that compares with any.
    let mut both = client.new_multi_writer();
    both.add_set_data(path, text.as_bytes(), Some(seen))?;
    both.add_set_data(path, text.as_bytes(), None)?;
    // Servers differ in what comes after -2.
    match both.commit().await?.pop() {
        Some(MultiWriteResult::SetData { stat }) => Ok(stat.version),
        other => Err(Error::UnexpectedError(format!("two writes were answered by {other:?}"))),
    }
}

/// A swap under way.
pub(super) struct Swap<'a> {
    pub(super) path: &'a str,
    pub(super) seen: Option<i32>,
    pub(super) text: &'a str,
    pub(super) options: CreateOptions<'static>,
}

impl Swap<'_> {
    async fn write(&self, client: &Client) -> Result<i32, Error> {
        match self.seen {
            Some(seen) => replace(client, self.path, seen, self.text).await,
            // The version of a new node.
            None => client.create(self.path, self.text.as_bytes(), &self.options).await.map(|_| 0),
        }
    }

    /// Whoever is too late knows what stands there in the same round trip if `is_wary`, which asks
    /// for it right behind the write; a session is answered in its order.
    pub(super) async fn run(&self, client: &Client, is_wary: bool) -> Result<Swapped<i32>, Fault> {
        let mut written = pin!(self.write(client));
        // The write is on its way with the first poll.
        let early = poll_once(written.as_mut()).await;
        let asked = is_wary.then(|| client.get_data(self.path));
        let written = match early {
            Some(written) => written,
            None => written.await,
        };
        match (written, self.seen) {
            (Ok(version), _) => Ok(Swapped::Done(version)),
            (Err(Error::BadVersion | Error::NodeExists), _) | (Err(Error::NoNode), Some(_)) => {
                // The server that refused it knows what it was refused for.
                let told = match asked {
                    Some(asked) => asked.await,
                    None => client.get_data(self.path).await,
                };
                Ok(Swapped::Stale(found(self.path, told)?))
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}

/// What a future yields at the first poll, if it does.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

impl Documents for Nodes {
    const SERVER: &'static str = "ZooKeeper";
    type Version = i32;

    fn place(&self) -> &str {
        self.session.place()
    }

    fn answer_timeout(&self) -> Duration {
        self.session.answer_timeout()
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.session.identity().await
    }

    async fn load(&self, key: &str) -> Result<Found<i32>, StoreError> {
        let path = self.path(key);
        self.session.run(|client| async move { load(&client, &path).await }).await
    }

    async fn swap(
        &self,
        key: &str,
        seen: Option<&i32>,
        text: &str,
    ) -> Result<Swapped<i32>, StoreError> {
        let (path, options, is_wary) = (self.path(key), self.session.options(), self.is_wary());
        let swap = Swap { path: &path, seen: seen.copied(), text, options };
        let swap = &swap;
        let work = |client| async move { swap.run(&client, is_wary).await };
        let swapped = self.session.run(work).await?;
        if matches!(swapped, Swapped::Stale(_)) {
            self.become_wary();
        }
        Ok(swapped)
    }

    async fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let above = self.session.sequences();
        let work =
            |client| async move { below(&client, &above).await?.ok_or(Error::NoNode.into()) };
        let all = self.session.run(work).await?;
        Ok(all.into_iter().map(|(key, _, text)| (key, text)).collect())
    }
}
