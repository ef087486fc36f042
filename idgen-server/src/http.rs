//! HTTP listeners: one connection's life, and which door a path belongs to.
//!
//! Paths are matched on their raw bytes and only then decoded, so that a name may hold slashes
//! (`%2F`) and a path is never read in two ways. On the data listener idpool's and idpot's own
//! paths are answered in their own manner, everything else as the native API does. A listener that
//! carries one dialect answers everything as that dialect does, health included.

mod admin;
mod artisanal;
mod body;
mod form;
mod idpool;
mod idpot;
mod json;
mod native;
mod query;
mod response;
mod sequence;

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Uri, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::{Desk, Request};
use crate::door::{Drain, TimedWrites, Work};
use crate::server::PotCreate;
use crate::{Access, AccessLog, Limits, Refusal, Reply, Token};
use response::Response;

/// How long a connection holds a drain that is in the midst of a request's head or body, or in
/// none.
const SETTLE: Duration = Duration::from_millis(20);
/// How many header lines a request may have.
const MAX_HEADERS: usize = 64;

/// Which doors a listener carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// idpool, idpot, native, health.
    Data,
    /// Administration, the creation of pots where it belongs there, health.
    Admin,
    /// Artisanal integers and nothing else.
    Artisanal,
    /// idpool and nothing else.
    Idpool,
    /// idpot and nothing else.
    Idpot,
    /// The number of this process and nothing else.
    Sequence,
}

impl Listener {
    /// Its word in logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Data => "http",
            Self::Admin => "admin",
            Self::Artisanal => "artisanal-http",
            Self::Idpool => "idpool",
            Self::Idpot => "idpot",
            Self::Sequence => "sequence-http",
        }
    }
}

/// What all connections of a listener share.
pub(crate) struct Door {
    pub(crate) listener: Listener,
    pub(crate) desk: Desk,
    pub(crate) limits: Limits,
    pub(crate) creation: Creation,
    /// Told of each request.
    pub(crate) access: Option<Arc<dyn AccessLog>>,
}

/// Who may create pots.
pub(crate) struct Creation {
    pub(crate) place: PotCreate,
    /// Shown by those who may from anywhere.
    pub(crate) token: Option<Token>,
}

/// A request without what is left to hyper.
struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether it comes from this host.
    loopback: bool,
}

/// Whether an address is this host's, also where IPv6 wraps IPv4.
fn is_loopback(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

impl Door {
    /// Serves one connection until it ends or drains.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, mut drain: Drain) {
        // A peer that is gone already is nobody's.
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        let stream = TokioIo::new(TimedWrites::new(stream, self.limits.write));
        let work = drain.work();
        let service = service_fn(|request| self.respond(request, peer, &work));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_headers(MAX_HEADERS)
            .max_buf_size(self.limits.head_bytes)
            .title_case_headers(true)
            .serve_connection(stream, service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = drain.begun() => {
                connection.as_mut().graceful_shutdown();
                match timeout(SETTLE, connection.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_late) => {
                        drop(drain);
                        connection.await
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an HTTP connection ended early");
        }
    }

    /// Answers a request, and has it recorded.
    async fn respond(
        &self,
        request: hyper::Request<Incoming>,
        peer: Option<IpAddr>,
        work: &Work,
    ) -> Result<Response, Infallible> {
        let record = self.access.as_ref().map(|log| (log, Access::of(&request, peer)));
        let loopback = peer.is_some_and(is_loopback);
        let response = self.answer(request, loopback, work).await;
        if let Some((log, access)) = record {
            log.record(access.answered(&response));
        }
        Ok(response)
    }

    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        loopback: bool,
        work: &Work,
    ) -> Response {
        let draining = work.is_draining();
        let (head, body) = request.into_parts();
        let body = match body::read(body, &self.limits).await {
            Ok(body) => body,
            Err(refusal) => {
                return response::closing(self.unreadable(head.uri.path(), &refusal));
            }
        };
        // From here on it has been read, and is answered.
        let _held = work.hold();
        let call =
            Call { method: head.method, uri: head.uri, headers: head.headers, body, loopback };
        let response = self.route(&call, draining).await;
        if draining { response::closing(response) } else { response }
    }

    /// The answer to a request whose body was not had, in the manner of the path's dialect.
    fn unreadable(&self, path: &str, refusal: &Refusal) -> Response {
        match self.listener {
            Listener::Artisanal => artisanal::mistaken(refusal),
            Listener::Idpool => idpool::mistaken(refusal),
            Listener::Idpot => idpot::mistaken(refusal),
            Listener::Data if idpot::owns(path) => idpot::mistaken(refusal),
            Listener::Admin if idpot::creates(path) => idpot::mistaken(refusal),
            Listener::Data | Listener::Admin | Listener::Sequence => response::problem(refusal),
        }
    }

    async fn route(&self, call: &Call, draining: bool) -> Response {
        let path = call.uri.path();
        let carries_one = !matches!(self.listener, Listener::Data | Listener::Admin);
        if !carries_one && (path == "/healthz" || path == "/readyz") {
            return self.health(call, path == "/readyz", draining).await;
        }
        match self.listener {
            Listener::Artisanal => artisanal::respond(&self.desk, call).await,
            Listener::Idpool => idpool::respond(&self.desk, call).await,
            Listener::Idpot => idpot::respond(&self.desk, &self.creation, call).await,
            Listener::Sequence => sequence::respond(&self.desk, call).await,
            Listener::Admin if idpot::creates(path) => {
                idpot::create_as_admin(&self.desk, &self.creation, call).await
            }
            Listener::Admin => admin::respond(&self.desk, call).await,
            Listener::Data if idpot::owns(path) => {
                idpot::respond(&self.desk, &self.creation, call).await
            }
            Listener::Data if idpool::owns(path) => idpool::respond(&self.desk, call).await,
            Listener::Data => native::respond(&self.desk, call).await,
        }
    }

    /// Alive means that the process answers; ready, that it would issue.
    async fn health(&self, call: &Call, readiness: bool, draining: bool) -> Response {
        if !response::is_read(&call.method) {
            return response::method_not_allowed("GET, HEAD");
        }
        if !readiness {
            return response::json(200, &serde_json::json!({ "alive": true }));
        }
        match self.desk.answer(Request::Health).await {
            Ok(Reply::Health(health)) => response::readiness(&health, draining),
            Ok(_) => response::defect(),
            Err(refusal) => response::problem(&refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_is_known_in_both_families() {
        for (addr, local) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::", false),
        ] {
            assert_eq!(is_loopback(addr.parse().unwrap()), local, "{addr}");
        }
    }
}
