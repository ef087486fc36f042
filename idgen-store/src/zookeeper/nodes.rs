//! Documents as nodes, replaced by `setData` with the version that was seen.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error, MultiWriteResult, Stat};

use super::fault::Fault;
use super::settings::ZooKeeperSettings;
use crate::document::Documents;
use crate::held::Held;
use crate::retry::random;
use crate::swap::{Found, Swapped};
use crate::{Durability, StoreError, StoreIdentity};

/// ZooKeeper takes this version for "any"; servers before 3.9 count through it.
const ANY: i32 = -1;
/// How many nodes are asked for at once.
const AT_ONCE: usize = 256;

/// For how many swaps after one that lost another race is expected.
const WARY: u32 = 32;

/// A way to the nodes of one URL.
pub(super) struct Nodes {
    settings: ZooKeeperSettings,
    held: Held<Client>,
    /// How many swaps are left to be wary of others.
    wary: AtomicU32,
}

impl Nodes {
    pub(super) fn new(settings: ZooKeeperSettings) -> Self {
        Self { settings, held: Held::new(), wary: AtomicU32::new(0) }
    }

    /// The node above all sequences; its data is the store's identity.
    fn sequences(&self) -> String {
        format!("{}/sequences", self.settings.root)
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.sequences())
    }

    fn options(&self) -> CreateOptions<'static> {
        let open_to_all = self.settings.login.is_none();
        let acls = if open_to_all { Acls::anyone_all() } else { Acls::creator_all() };
        CreateMode::Persistent.with_acls(acls)
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

    /// Does a request's work on the session.
    async fn run<T, W>(&self, work: impl FnOnce(Client) -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Fault>>,
    {
        let open = || async {
            self.open().await.map_err(|error| Fault::Said(error).tell(&self.settings.place))
        };
        let (client, number) = self.held.get(|client| client.state().is_terminated(), open).await?;
        let outcome = work(client).await;
        if outcome.as_ref().is_err_and(Fault::ends_session) {
            self.held.give_up(number).await;
        }
        outcome.map_err(|fault| fault.tell(&self.settings.place))
    }

    async fn open(&self) -> Result<Client, Error> {
        let settings = &self.settings;
        let mut connector =
            Client::connector().with_session_timeout(settings.session_timeout).with_fail_eagerly();
        if let Some(login) = &settings.login {
            connector = connector.with_auth("digest", login.as_bytes());
        }
        let client = connector.connect(&settings.servers).await?;
        let sequences = self.sequences();
        if client.check_stat(&sequences).await?.is_none() {
            client.mkdir(&settings.root, &self.options()).await?;
            let id = format!("{:016x}{:016x}", random(), random());
            match client.create(&sequences, id.as_bytes(), &self.options()).await {
                // Another was faster, and it is there.
                Ok(_) | Err(Error::NodeExists) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(client)
    }
}

/// What `getData` answers.
type Data = Result<(Vec<u8>, Stat), Error>;

/// A node as it stands now.
async fn load(client: &Client, path: &str) -> Result<Found<i32>, Fault> {
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

fn text(path: &str, data: Vec<u8>) -> Result<String, Fault> {
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
struct Swap<'a> {
    path: &'a str,
    seen: Option<i32>,
    text: &'a str,
    options: CreateOptions<'static>,
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
    async fn run(&self, client: &Client, is_wary: bool) -> Result<Swapped<i32>, Fault> {
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
        &self.settings.place
    }

    fn answer_timeout(&self) -> Duration {
        self.settings.answer_timeout
    }

    /// The identity in the node above the sequences, and the transaction that made it.
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let path = self.sequences();
        self.run(|client| async move {
            let (synced, asked) = (client.sync(&path), client.get_data(&path));
            synced.await?;
            let (data, stat) = asked.await?;
            Ok(StoreIdentity {
                backend: "zookeeper",
                id: text(&path, data)?,
                incarnation: format!("{:x}", stat.czxid),
                durability: Durability::Keeps,
                ceiling: u64::MAX,
            })
        })
        .await
    }

    async fn load(&self, key: &str) -> Result<Found<i32>, StoreError> {
        let path = self.path(key);
        self.run(|client| async move { load(&client, &path).await }).await
    }

    async fn swap(
        &self,
        key: &str,
        seen: Option<&i32>,
        text: &str,
    ) -> Result<Swapped<i32>, StoreError> {
        let (path, options, is_wary) = (self.path(key), self.options(), self.is_wary());
        let swap = Swap { path: &path, seen: seen.copied(), text, options };
        let swap = &swap;
        let swapped = self.run(|client| async move { swap.run(&client, is_wary).await }).await?;
        if matches!(swapped, Swapped::Stale(_)) {
            self.become_wary();
        }
        Ok(swapped)
    }

    async fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let above = self.sequences();
        self.run(|client| async move {
            let (synced, asked) = (client.sync(&above), client.list_children(&above));
            synced.await?;
            let (keys, mut all) = (asked.await?, Vec::new());
            for keys in keys.chunks(AT_ONCE) {
                let paths = keys.iter().map(|key| format!("{above}/{key}")).collect::<Vec<_>>();
                let asked: Vec<_> = paths.iter().map(|path| client.get_data(path)).collect();
                for ((key, path), asked) in keys.iter().zip(&paths).zip(asked) {
                    match asked.await {
                        Ok((data, _)) => all.push((key.clone(), text(path, data)?)),
                        Err(Error::NoNode) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Ok(all)
        })
        .await
    }
}
