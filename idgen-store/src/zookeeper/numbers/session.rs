//! A session, and the node that is this process's in it.

use std::sync::Arc;
use std::time::Duration;

use zookeeper_client::{Client, CreateMode, Error, SessionState, StateWatcher};

use super::Shared;
use crate::HostClock;

/// A number whose node was seen to be this session's.
pub(super) struct Settled {
    pub(super) number: u64,
    /// When the question was sent that the answer confirms, by the boot clock.
    pub(super) sent_boot_ms: u64,
    pub(super) session_timeout: Duration,
    pub(super) state: StateWatcher,
}

/// A session, alive or not, and the number that it owns or may own.
struct Session {
    client: Client,
    /// The number whose node was last created in it; whether that succeeded a look will tell.
    made: Option<u64>,
}

/// This process's node: how to get it, how to look at it, how to leave it.
pub(super) struct Node {
    shared: Arc<Shared>,
    parent: String,
    host: String,
    session: Option<Session>,
    /// The number that was last confirmed.
    had: Option<u64>,
}

impl Node {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let parent = format!("{}{}", shared.settings.above, super::PARENT);
        Self { shared, parent, host: host(), session: None, had: None }
    }

    /// Makes sure of the node. It may be dropped at any point, and called again.
    pub(super) async fn settle(&mut self) -> Result<Settled, Error> {
        loop {
            self.connect().await?;
            match self.confirm_or_claim().await {
                // The driver is at it again already, and paces itself.
                Err(Error::ConnectionLoss) => {}
                settled => return settled,
            }
        }
    }

    async fn confirm_or_claim(&mut self) -> Result<Settled, Error> {
        loop {
            if let Some(settled) = self.confirm().await? {
                self.tell(settled.number);
                return Ok(settled);
            }
            self.claim().await?;
        }
    }

    fn tell(&mut self, number: u64) {
        let place = &self.shared.settings.place;
        match self.had.replace(number) {
            Some(had) if had == number => {}
            Some(had) => tracing::warn!(number, had, place, "the node number is another now"),
            None => tracing::info!(number, place, "node number claimed"),
        }
    }

    /// Returns with a session that is connected.
    ///
    /// One that the driver has given up may live on in the servers, and its node with it. So it is
    /// taken up again, until a server says that it has expired.
    async fn connect(&mut self) -> Result<(), Error> {
        let connector = self.shared.settings.connector();
        if let Some(session) = &mut self.session {
            if is_connected(&session.client).await {
                return Ok(());
            }
            let known = session.client.session().clone();
            match connector.clone().with_session(known).connect(&self.shared.settings.servers).await
            {
                Ok(client) => {
                    session.client = client;
                    return Ok(());
                }
                Err(Error::SessionExpired) => {
                    tracing::warn!(number = self.had, "the session of the node number has expired");
                    self.session = None;
                }
                Err(error) => return Err(error),
            }
        }
        let client = connector.connect(&self.shared.settings.servers).await?;
        self.session = Some(Session { client, made: None });
        Ok(())
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("a round begins with a session")
    }

    fn path(&self, number: u64) -> String {
        format!("{}/{number}", self.parent)
    }

    /// Looks whether the node is there and this session's, through the leader's eyes.
    async fn confirm(&mut self) -> Result<Option<Settled>, Error> {
        let Some(number) = self.session().made else { return Ok(None) };
        let path = self.path(number);
        let sent_boot_ms = self.shared.clock.boot_ms();
        let client = &self.session().client;
        // Sent at once and answered in this order.
        let (synced, asked) = (client.sync(&path), client.check_stat(&path));
        synced.await?;
        let stat = asked.await?;
        if stat.is_some_and(|stat| stat.ephemeral_owner == client.session_id().0) {
            let (session_timeout, state) = (client.session_timeout(), client.state_watcher());
            return Ok(Some(Settled { number, sent_boot_ms, session_timeout, state }));
        }
        // At once: what was confirmed before is not so any more.
        self.shared.set(None);
        self.session().made = None;
        Ok(None)
    }

    /// Creates the node of the number had before, or else of the lowest that is free.
    async fn claim(&mut self) -> Result<(), Error> {
        if let Some(had) = self.had
            && self.create(had).await?
        {
            return Ok(());
        }
        loop {
            let free = lowest_free(&self.others().await?);
            // Otherwise another was faster, and has brought the numbers forward.
            if self.create(free).await? {
                return Ok(());
            }
        }
    }

    /// The nodes that there are.
    async fn others(&mut self) -> Result<Vec<String>, Error> {
        let parent = self.parent.clone();
        let client = &self.session().client;
        let (synced, asked) = (client.sync(&parent), client.list_children(&parent));
        synced.await?;
        match asked.await {
            Err(Error::NoNode) => Ok(Vec::new()),
            listed => listed,
        }
    }

    /// Whether the number could be had; its parent is made if it is not there.
    async fn create(&mut self, number: u64) -> Result<bool, Error> {
        let (path, parent, host) = (self.path(number), self.parent.clone(), self.host.clone());
        let acls = self.shared.settings.acls();
        // Before it is sent: an answer that is lost must not be forgotten.
        self.session().made = Some(number);
        let client = &self.session().client;
        loop {
            let options = CreateMode::Ephemeral.with_acls(acls);
            match client.create(&path, host.as_bytes(), &options).await {
                Ok(_) => return Ok(true),
                Err(Error::NodeExists) => break,
                Err(Error::NoNode) => {
                    let options = CreateMode::Persistent.with_acls(acls);
                    client.mkdir(&parent, &options).await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.session().made = None;
        Ok(false)
    }

    /// Ends the session, and its node with it; returns when a server has said so.
    pub(super) async fn part(self) {
        let Some(Session { client, made }) = self.session else { return };
        let mut state = client.state_watcher();
        // The driver ends a session that nobody holds.
        drop(client);
        while !state.state().is_terminated() {
            state.changed().await;
        }
        tracing::info!(number = made, "node number given back");
    }
}

/// Waits until the driver has a connection, or has given up.
async fn is_connected(client: &Client) -> bool {
    let mut watcher = client.state_watcher();
    loop {
        match watcher.state() {
            SessionState::SyncConnected => return true,
            state if state.is_terminated() => return false,
            _ => watcher.changed().await,
        };
    }
}

/// The lowest number from 1 on that none of the nodes is. What is no plain decimal is none.
fn lowest_free(nodes: &[String]) -> u64 {
    let plain =
        |name: &String| name.parse().ok().filter(|number: &u64| number.to_string() == *name);
    let mut taken: Vec<u64> = nodes.iter().filter_map(plain).collect();
    taken.sort_unstable();
    let mut free = 1;
    for number in taken {
        if number == free {
            free += 1;
        }
    }
    free
}

/// The name of this host; what is no UTF-8 in it is replaced, as nobody goes by it.
#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name of this host.
#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_taken() {
        for (nodes, free) in [
            (&[][..], 1),
            (&["1"], 2),
            (&["2", "3"], 1),
            (&["10", "1", "3", "2", "9"], 4),
            (&["3", "1"], 2),
            (&["18446744073709551615", "1"], 2),
        ] {
            let nodes: Vec<String> = nodes.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(lowest_free(&nodes), free, "{nodes:?}");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_no_number() {
        let strange =
            ["lock", "", "-1", "+1", "01", "1.0", " 1", "1_", "18446744073709551616", "0"];
        assert_eq!(lowest_free(&strange.map(str::to_owned)), 1);
    }
}
