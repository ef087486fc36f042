//! Callers that ask until their time is over, and what they keep.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use idgen_client::{Error, GenIdClient, NativeClient, Sequence, Settings, Taken};

use crate::clients::GenId;
use crate::fronts::Front;

/// No call may take longer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between two calls, so that the machine is not the limit.
const PAUSE: Duration = Duration::from_millis(2);

/// What is asked for; ids of one kind must differ over all callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    GenId,
    Serial,
    Snowflakes,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::GenId, Self::Serial, Self::Snowflakes];
}

/// What one caller got.
pub(crate) struct Kept {
    front: &'static str,
    pub(crate) kind: Kind,
    pub(crate) ids: Vec<u64>,
    /// Over how many connections they came.
    pub(crate) connections: usize,
    /// The longest time without any.
    pub(crate) pause: Duration,
    lost_requests: u64,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { front, kind, ids, connections, pause, lost_requests } = self;
        write!(
            f,
            "{front} {kind:?}: {} ids over {connections} connections, longest pause {pause:?}, \
             {lost_requests} requests unanswered",
            ids.len()
        )
    }
}

/// A client of idgen-client.
enum Client {
    GenId(GenIdClient),
    Serial(NativeClient, Sequence),
    Snowflakes(NativeClient),
}

impl Client {
    fn new(front: &Front, kind: Kind) -> Result<Self, Error> {
        let of = |addrs: &[SocketAddr]| Settings::new(addrs.iter().map(ToString::to_string));
        Ok(match kind {
            Kind::GenId => Self::GenId(GenIdClient::new(of(&front.genid))?),
            Kind::Serial => {
                let client = NativeClient::new(of(&front.native))?;
                let orders = client.sequence("orders")?;
                Self::Serial(client, orders)
            }
            Kind::Snowflakes => Self::Snowflakes(NativeClient::new(of(&front.native))?),
        })
    }

    async fn take(&self, count: u16) -> Result<Taken, Error> {
        let deadline = Instant::now() + PATIENCE;
        match self {
            Self::GenId(client) => client.take(count, deadline).await,
            Self::Serial(_, orders) => orders.take(count.into(), deadline).await,
            Self::Snowflakes(client) => client.snowflakes(count.into(), deadline).await,
        }
    }

    fn lost_requests(&self) -> u64 {
        match self {
            Self::GenId(client) => client.losses().requests,
            Self::Serial(client, _) | Self::Snowflakes(client) => client.losses().requests,
        }
    }
}

/// Keeps ids and sees that they rise on each connection.
struct Record {
    kept: Kept,
    connections: HashSet<u64>,
    last: Option<(u64, u64)>,
    answered: Option<Instant>,
}

impl Record {
    fn new(front: &'static str, kind: Kind) -> Self {
        let (ids, pause) = (Vec::new(), Duration::ZERO);
        let kept = Kept { front, kind, ids, connections: 0, pause, lost_requests: 0 };
        Self { kept, connections: HashSet::new(), last: None, answered: None }
    }

    fn keep(&mut self, connection: u64, ids: impl Iterator<Item = u64>) {
        let now = Instant::now();
        // The nodes start beside the callers: the first answer ends no pause.
        let since = self.answered.replace(now).unwrap_or(now);
        self.kept.pause = self.kept.pause.max(now - since);
        self.connections.insert(connection);
        for id in ids {
            if let Some((_, last)) = self.last.filter(|(over, _)| *over == connection) {
                let Kept { front, kind, .. } = self.kept;
                assert!(id > last, "{front} {kind:?}: {last} and then {id} on one connection");
            }
            self.last = Some((connection, id));
            self.kept.ids.push(id);
        }
    }

    fn finish(self, lost_requests: u64) -> Kept {
        Kept { connections: self.connections.len(), lost_requests, ..self.kept }
    }
}

/// A caller of idgen-client; any failed call fails the test.
pub(crate) fn run(front: &Front, kind: Kind, until: Instant) -> Kept {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(front, kind).unwrap();
        let mut record = Record::new(front.name, kind);
        for count in [1, 7, 20].into_iter().cycle() {
            if Instant::now() >= until {
                break;
            }
            match client.take(count).await {
                Ok(taken) => record.keep(taken.connection(), taken.ids()),
                Err(error) => panic!("{} {kind:?}: {error}", front.name),
            }
            tokio::time::sleep(PAUSE).await;
        }
        record.finish(client.lost_requests())
    })
}

/// A client as the original's README has it, which connects anew when its connection is over.
pub(crate) fn run_original(front: &'static str, addr: SocketAddr, until: Instant) -> Kept {
    let mut record = Record::new(front, Kind::GenId);
    let mut failed = 0;
    for connection in 1.. {
        if Instant::now() >= until {
            break;
        }
        let Ok(mut client) = GenId::connect(addr) else { continue };
        while Instant::now() < until {
            let Ok(ids) = client.batch(10) else {
                failed += 1;
                break;
            };
            record.keep(connection, ids.into_iter());
            thread::sleep(PAUSE);
        }
        thread::sleep(PAUSE);
    }
    record.finish(failed)
}
