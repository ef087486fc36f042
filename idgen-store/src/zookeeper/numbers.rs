//! Numbers of processes as nodes, shared with the sequence servers that idgen replaces
//! (rulyotano/example-sequence-server-zookeeper).
//!
//! The number `n` is held by whoever owns the ephemeral node `/sequence/n`. The first call of
//! [`number`](NodeNumber::number) begins it; from then on one task keeps the node:
//!
//! ```text
//! round:  be connected         the driver does that while the session may still live; then the
//!                              session is taken up again by its id; then a new one is made
//!         confirm              sync, then look at the node: is it this session's?
//!         if not, claim        create the number had before, else the lowest that is free;
//!                              then confirm
//! then:   rest                 for a third of the session's timeout, or until somebody asks
//! ```
//!
//! - A server ends a session only when it has heard nothing of it for its timeout. So a node that
//!   was seen is this process's for that long after the question was *sent*, by a clock that runs
//!   while the host sleeps. The number is told within two thirds of it: a server that is no leader
//!   tells its leader of a session with a delay, and an answer takes a while to its reader.
//! - The look is preceded by a `sync`, which the leader answers. A server that has lost its leader
//!   would still confirm what it remembers.
//! - While the connection is down nothing is told, however young the last confirmation. Who asks
//!   then waits for the next round, and is refused if that takes longer than the answer timeout.
//! - A number whose creation was not answered is looked at before another is created, so that a
//!   lost answer never leaves a second node.
//! - An abandoned session is taken up again rather than replaced, so that it leaves no node that
//!   would hold the number against its own process. Giving back ends the session.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use zookeeper_client::{SessionState, StateWatcher};

use super::settings::{Usual, ZooKeeperSettings};
use crate::retry::inside_tokio;
use crate::{HostClock, NoNumber, NodeNumber, StoreError, SystemHostClock};

mod keeper;
mod session;

/// The node above all numbers, below the path of the connection.
const PARENT: &str = "/sequence";
/// What the originals ask for, and what a question may take.
const USUAL: Usual = Usual { session_timeout_ms: 5_000, answer_timeout_ms: 2_000 };

/// The number of this process in a ZooKeeper; nothing is connected before it is asked for.
///
/// `servers` is the connection string of the original, `HOST[:PORT],...[/PATH]`, or the URL that
/// [`open`](super::open) takes; numbers are nodes of `PATH/sequence`, and `PATH` is made if it is
/// not there. `session_timeout_ms` is asked of the servers, who have bounds: 5000 if absent, 100 to
/// 3,600,000. A question waits for `answer_timeout_ms`, 2000 if the URL does not say.
///
/// Its futures run inside a tokio runtime with time and I/O enabled.
///
/// # Errors
///
/// [`StoreError::Refused`] names what is wrong, and shows no password.
///
/// # Examples
///
/// ```
/// let number = idgen_store::zookeeper::node_number("zoo1,zoo2:2182,zoo3", None)?;
/// assert!(idgen_store::zookeeper::node_number("zoo1:none", None).is_err());
/// # drop(number);
/// # Ok::<(), idgen_store::StoreError>(())
/// ```
pub fn node_number(
    servers: &str,
    session_timeout_ms: Option<u64>,
) -> Result<Arc<dyn NodeNumber>, StoreError> {
    Ok(Arc::new(ZooKeeperNumber::new(settings(servers, session_timeout_ms)?)))
}

fn settings(
    servers: &str,
    session_timeout_ms: Option<u64>,
) -> Result<ZooKeeperSettings, StoreError> {
    let mut url = match servers.contains("://") {
        true => servers.to_owned(),
        false => format!("zookeeper://{servers}"),
    };
    if let Some(ms) = session_timeout_ms {
        let begin = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{begin}session_timeout_ms={ms}");
    }
    ZooKeeperSettings::parse_with(&url, USUAL)
}

/// A number as it was last confirmed.
#[derive(Debug)]
struct Hold {
    number: u64,
    /// By the boot clock: from here on nobody knows.
    until_boot_ms: u64,
    /// Tells whether the connection on which that was heard still stands.
    state: StateWatcher,
}

/// What the task that keeps the node is asked for.
#[derive(Debug)]
enum Demand {
    /// A round, and how it went.
    Round(oneshot::Sender<Result<(), NoNumber>>),
    /// The end.
    GiveBack(oneshot::Sender<()>),
}

/// What those who ask and the task that keeps the node share.
struct Shared {
    settings: ZooKeeperSettings,
    clock: SystemHostClock,
    hold: Mutex<Option<Hold>>,
}

impl Shared {
    fn set(&self, hold: Option<Hold>) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = hold;
    }

    /// The number, if it is known to be this process's at this moment.
    fn fresh(&self) -> Option<u64> {
        let hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let hold = hold.as_ref()?;
        let is_connected = hold.state.peek_state() == SessionState::SyncConnected;
        // The clock last: whatever held this thread up before is counted.
        (is_connected && self.clock.boot_ms() < hold.until_boot_ms).then_some(hold.number)
    }

    fn refuse(&self, reason: impl Into<String>) -> NoNumber {
        NoNumber { place: self.settings.place.clone(), reason: reason.into() }
    }
}

/// Whether the task has been started, and where it hears demands.
enum Stage {
    NotBegun,
    Begun(mpsc::UnboundedSender<Demand>),
    Over,
}

struct ZooKeeperNumber {
    shared: Arc<Shared>,
    stage: Mutex<Stage>,
}

impl ZooKeeperNumber {
    fn new(settings: ZooKeeperSettings) -> Self {
        let clock = SystemHostClock::new();
        let shared = Shared { settings, clock, hold: Mutex::new(None) };
        Self { shared: Arc::new(shared), stage: Mutex::new(Stage::NotBegun) }
    }

    /// Where demands go; the first call starts the task.
    fn demands(&self) -> Result<mpsc::UnboundedSender<Demand>, NoNumber> {
        inside_tokio("ZooKeeper").map_err(|error| self.shared.refuse(error.to_string()))?;
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        match &*stage {
            Stage::Begun(demands) => Ok(demands.clone()),
            Stage::Over => Err(self.shared.refuse(GIVEN_BACK)),
            Stage::NotBegun => {
                let (sender, receiver) = mpsc::unbounded_channel();
                tokio::spawn(keeper::keep(Arc::clone(&self.shared), receiver));
                *stage = Stage::Begun(sender.clone());
                Ok(sender)
            }
        }
    }

    async fn round(&self) -> Result<(), NoNumber> {
        let (reply, told) = oneshot::channel();
        let patience = self.shared.settings.answer_timeout;
        let gone = || self.shared.refuse(GIVEN_BACK);
        self.demands()?.send(Demand::Round(reply)).map_err(|_over| gone())?;
        match tokio::time::timeout(patience, told).await {
            Ok(told) => told.map_err(|_over| gone())?,
            Err(_late) => Err(self.shared.refuse(late(patience))),
        }
    }
}

const GIVEN_BACK: &str = "the number has been given back, as this process ends; ask another";

fn late(patience: Duration) -> String {
    format!(
        "ZooKeeper has not confirmed the number within {} ms; see that a server runs and can be \
         reached, and that a quorum stands, and retry",
        patience.as_millis()
    )
}

#[async_trait]
impl NodeNumber for ZooKeeperNumber {
    async fn number(&self) -> Result<u64, NoNumber> {
        if let Some(number) = self.shared.fresh() {
            return Ok(number);
        }
        self.round().await?;
        self.shared.fresh().ok_or_else(|| {
            self.shared.refuse("the confirmation of the number came too late to rely on; retry")
        })
    }

    async fn give_back(&self) {
        let stage = {
            let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *stage, Stage::Over)
        };
        let Stage::Begun(demands) = stage else { return };
        let (reply, told) = oneshot::channel();
        if demands.send(Demand::GiveBack(reply)).is_ok() {
            // Unheard of, the session ends by its timeout.
            let _late = tokio::time::timeout(self.shared.settings.answer_timeout, told).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_the_originals_or_a_url() {
        let read = settings("zoo,[::1]:9/app", None).unwrap();
        assert_eq!((read.servers.as_str(), read.above.as_str()), ("zoo:2181,[::1]:9", "/app"));
        assert_eq!(read.session_timeout, Duration::from_secs(5));
        assert_eq!(read.answer_timeout, Duration::from_secs(2));
        let read = settings("zookeeper://a:b@zoo?answer_timeout_ms=7", Some(900)).unwrap();
        assert_eq!((read.login.as_deref(), read.above.as_str()), (Some("a:b"), ""));
        assert_eq!(read.session_timeout, Duration::from_millis(900));
        assert_eq!(read.answer_timeout, Duration::from_millis(7));
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for (servers, ms, due) in [
            ("zoo", Some(99), "100 to 3600000"),
            ("zookeeper://zoo?session_timeout_ms=900", Some(900), "given twice"),
            ("zoo:0", None, "a port is no number"),
            ("", None, "there is no host"),
            ("zoo/a//b", None, "the path is none of a node"),
        ] {
            let Err(error) = settings(servers, ms) else { panic!("{servers} was taken") };
            assert!(error.to_string().contains(due), "{error}");
        }
    }

    #[tokio::test]
    async fn who_never_asked_has_nothing_to_give_back() {
        let number = node_number("127.0.0.1:1", None).unwrap();
        number.give_back().await;
        let refused = number.number().await.unwrap_err();
        assert_eq!(refused.reason, GIVEN_BACK);
        assert!(refused.to_string().starts_with("zookeeper://127.0.0.1:1/: "), "{refused}");
    }

    #[tokio::test]
    async fn without_a_server_there_is_a_reason() {
        let number = node_number("127.0.0.1:1", None).unwrap();
        let refused = number.number().await.unwrap_err();
        assert!(refused.reason.contains("see that a server runs"), "{refused}");
        assert!(!refused.reason.contains("127.0.0.1"), "{refused}");
    }

    #[test]
    fn outside_tokio_it_says_so() {
        let number = ZooKeeperNumber::new(settings("127.0.0.1:1", None).unwrap());
        let refused = number.demands().unwrap_err();
        assert!(refused.reason.contains("inside a tokio runtime"), "{refused}");
    }
}
