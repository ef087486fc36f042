//! The one session with the servers of a URL, shared by sequences and worker ids.

use std::time::Duration;

use zookeeper_client::{Client, CreateMode, CreateOptions, Error, SessionState};

use super::fault::Fault;
use super::nodes;
use super::settings::ZooKeeperSettings;
use crate::held::Held;
use crate::retry::random;
use crate::{Durability, StoreError, StoreIdentity};

/// For how long a connection may be silent, however long its session lasts.
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(2400);

/// How long a request waits for a connection that is being made anew.
const PATIENCE: Duration = Duration::from_secs(1);

/// A way to the servers of one URL.
pub(super) struct Session {
    settings: ZooKeeperSettings,
    held: Held<Client>,
}

impl Session {
    pub(super) fn new(settings: ZooKeeperSettings) -> Self {
        Self { settings, held: Held::new() }
    }

    pub(super) fn place(&self) -> &str {
        &self.settings.place
    }

    pub(super) fn answer_timeout(&self) -> Duration {
        self.settings.answer_timeout
    }

    /// What the servers are asked for.
    pub(super) fn timeout(&self) -> Duration {
        self.settings.session_timeout
    }

    /// The node above all of idgen's.
    pub(super) fn root(&self) -> &str {
        &self.settings.root
    }

    /// The node above all sequences; its data is the store's identity.
    pub(super) fn sequences(&self) -> String {
        format!("{}/sequences", self.settings.root)
    }

    /// How nodes are made that stay.
    pub(super) fn options(&self) -> CreateOptions<'static> {
        CreateMode::Persistent.with_acls(self.settings.acls())
    }

    /// How nodes are made that go with their session.
    pub(super) fn passing(&self) -> CreateOptions<'static> {
        CreateMode::Ephemeral.with_acls(self.settings.acls())
    }

    /// Does a request's work on the session.
    pub(super) async fn run<T, W>(&self, work: impl FnOnce(Client) -> W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, Fault>>,
    {
        let open = || async {
            self.open().await.map_err(|error| Fault::Said(error).tell(&self.settings.place))
        };
        let (client, number) = self.held.get(|client| client.state().is_terminated(), open).await?;
        let outcome = match connected(&client).await {
            Ok(()) => work(client).await,
            Err(fault) => Err(fault),
        };
        if outcome.as_ref().is_err_and(Fault::ends_session) {
            self.held.give_up(number).await;
        }
        outcome.map_err(|fault| fault.tell(&self.settings.place))
    }

    async fn open(&self) -> Result<Client, Error> {
        let settings = &self.settings;
        let connector = settings.connector().with_connection_timeout(CONNECTION_TIMEOUT);
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

    /// The identity in the node above the sequences, and the transaction that made it.
    pub(super) async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let path = self.sequences();
        self.run(|client| async move {
            let (synced, asked) = (client.sync(&path), client.get_data(&path));
            synced.await?;
            let (data, stat) = asked.await?;
            Ok(StoreIdentity {
                backend: "zookeeper",
                id: nodes::text(&path, data)?,
                incarnation: format!("{:x}", stat.czxid),
                durability: Durability::Keeps,
                ceiling: u64::MAX,
            })
        })
        .await
    }
}

/// Waits for a little while until a session is connected, or over. The driver would keep a request
/// for as long as the session may last, and nobody would learn why.
async fn connected(client: &Client) -> Result<(), Fault> {
    let mut watcher = client.state_watcher();
    if client.state() != SessionState::Disconnected {
        return Ok(());
    }
    let again = async { while watcher.changed().await == SessionState::Disconnected {} };
    tokio::time::timeout(PATIENCE, again).await.map_err(|_late| Fault::Disconnected)
}
