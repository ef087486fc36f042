//! The server: doors opened on bound listeners, and their drain.
//!
//! A drain goes: not ready; stop accepting; connections answer what they have read; the runtime
//! stops (cursors retired, tails handed back, worker ids released), and so does the claim of a
//! number for this process, which refuses whoever still waits for either; those get a moment to say
//! so; connections end with FIN, and what is left is cut. Each step has its bound, so that neither
//! a stuck client nor a dead store holds the process. The runtime stops while peers may still be
//! slow to end their connections: another server may wait for the worker id.

use std::sync::Arc;
use std::time::Duration;

use idgen_runtime::StopReport;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer::Desk;
use crate::door::{Drain, Drainage, accept};
use crate::http::{Creation, Door as HttpDoor, Listener};
use crate::{AccessLog, Limits, Token, artisanal, genid, native};

/// How long refusals may take to leave after the runtime has stopped.
const FAREWELL: Duration = Duration::from_secs(1);

/// The listeners to serve on, bound already; what is absent is not served.
#[derive(Debug, Default)]
pub struct Doors {
    /// idpool, idpot and the native API, over HTTP.
    pub http: Option<TcpListener>,
    /// Administration, over HTTP.
    pub admin: Option<TcpListener>,
    /// GenID, over TCP; needs [`Desk::genid`].
    pub genid: Option<TcpListener>,
    /// idgen's own binary dialect, over TCP.
    pub native: Option<TcpListener>,
    /// idpool and nothing else, over HTTP.
    pub idpool: Option<TcpListener>,
    /// idpot and nothing else, over HTTP.
    pub idpot: Option<TcpListener>,
    /// Artisanal integers, over HTTP.
    pub artisanal_http: Option<TcpListener>,
    /// Artisanal integers, over TCP.
    pub artisanal_tcp: Option<TcpListener>,
    /// The number of this process, over HTTP; needs [`Desk::number`].
    pub sequence_http: Option<TcpListener>,
    /// Where idpot's clients may create pots.
    pub pot_create: PotCreate,
    /// What a client shows to create pots from another host.
    pub admin_token: Option<Token>,
    /// Told of each HTTP request but those of administration.
    pub access: Option<Arc<dyn AccessLog>>,
}

/// Where idpot's clients may create pots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PotCreate {
    /// On the data listener, or idpot's own, for peers on this host and for those who show the
    /// admin token.
    /// Behind a proxy on this host every client is such a peer.
    #[default]
    Data,
    /// On the admin listener.
    Admin,
    /// Nowhere.
    Off,
}

/// A running server.
pub struct Server {
    desk: Desk,
    limits: Limits,
    drain: Drainage,
    doors: JoinSet<()>,
}

impl Server {
    /// Opens the doors. Must be called inside a tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(desk: Desk, doors: Doors, limits: Limits) -> Self {
        let (sender, drain) = Drain::channel();
        let mut server = Self { desk, limits, drain: sender, doors: JoinSet::new() };
        for (listener, which) in [
            (doors.http, Listener::Data),
            (doors.admin, Listener::Admin),
            (doors.artisanal_http, Listener::Artisanal),
            (doors.idpool, Listener::Idpool),
            (doors.idpot, Listener::Idpot),
            (doors.sequence_http, Listener::Sequence),
        ] {
            let Some(listener) = listener else { continue };
            let door = HttpDoor {
                listener: which,
                desk: server.desk.clone(),
                limits: server.limits.clone(),
                creation: Creation { place: doors.pot_create, token: doors.admin_token.clone() },
                access: doors.access.clone().filter(|_| which != Listener::Admin),
            };
            server.open_http(listener, door, drain.clone());
        }
        if let Some(listener) = doors.genid {
            server.open_genid(listener, drain.clone());
        }
        if let Some(listener) = doors.native {
            server.open_native(listener, drain.clone());
        }
        if let Some(listener) = doors.artisanal_tcp {
            server.open_artisanal(listener, drain);
        }
        server
    }

    fn open_http(&mut self, listener: TcpListener, door: HttpDoor, drain: Drain) {
        let (name, connections) = (door.listener.name(), door.limits.connections);
        let door = Arc::new(door);
        self.doors.spawn(accept(name, listener, connections, drain, move |stream, drain| {
            door.clone().serve(stream, drain)
        }));
    }

    fn open_genid(&mut self, listener: TcpListener, drain: Drain) {
        let buckets = self.desk.genid.as_ref().map_or(1, |genid| genid.layout().buckets());
        let connections = self.limits.connections;
        let door = genid::Door::new(self.desk.clone(), self.limits.clone(), buckets);
        let door = Arc::new(door);
        self.doors.spawn(accept("genid", listener, connections, drain, move |stream, drain| {
            door.clone().serve(stream, drain)
        }));
    }

    fn open_native(&mut self, listener: TcpListener, drain: Drain) {
        let (desk, limits) = (self.desk.clone(), self.limits.clone());
        let connections = limits.connections;
        let door = Arc::new(native::Door { desk, limits });
        self.doors.spawn(accept("native", listener, connections, drain, move |stream, drain| {
            door.clone().serve(stream, drain)
        }));
    }

    fn open_artisanal(&mut self, listener: TcpListener, drain: Drain) {
        let (desk, limits) = (self.desk.clone(), self.limits.clone());
        let (connections, door) = (limits.connections, "artisanal-tcp");
        self.doors.spawn(accept(door, listener, connections, drain, move |stream, drain| {
            artisanal::serve(desk.clone(), limits.write, stream, drain)
        }));
    }

    /// Drains the server and stops the runtime; returns within a few seconds whatever clients and
    /// store do.
    pub async fn drain(mut self) -> StopReport {
        self.drain.begin();
        tracing::info!("draining: no new connections");
        if timeout(self.limits.drain, self.drain.answered()).await.is_err() {
            tracing::warn!("some requests still wait; stopping under them");
        }
        let (report, ()) = tokio::join!(self.desk.runtime.stop(), self.desk.give_number_back());
        if timeout(FAREWELL, self.closed()).await.is_err() {
            tracing::warn!("some connections did not end in time; they are cut");
        }
        report
    }

    async fn closed(&mut self) {
        while let Some(ended) = self.doors.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener failed; please report this defect");
            }
        }
    }
}
