//! HTTP listeners: one connection's life, and which door a path belongs to.
//!
//! Paths are matched on their raw bytes and only then decoded, so that a name may hold slashes
//! (`%2F`) and a path is never read in two ways. On the data listener idpool's own paths are
//! answered in idpool's manner, everything else as the native API does.

mod admin;
mod body;
mod idpool;
mod json;
mod native;
mod query;
mod response;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Uri, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::answer::{Desk, Request};
use crate::door::{Drain, TimedWrites};
use crate::{Limits, Reply};
use response::Response;

/// How many header lines a request may have.
const MAX_HEADERS: usize = 64;

/// Which doors a listener carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// idpool, native, health.
    Data,
    /// Administration, health.
    Admin,
}

/// What all connections of a listener share.
pub(crate) struct Door {
    pub(crate) listener: Listener,
    pub(crate) desk: Desk,
    pub(crate) limits: Limits,
}

/// A request without what is left to hyper.
struct Call {
    method: Method,
    uri: Uri,
    json: bool,
    body: Vec<u8>,
}

impl Door {
    /// Serves one connection until it ends or drains.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, mut drain: Drain) {
        let stream = TokioIo::new(TimedWrites::new(stream, self.limits.write));
        let draining = drain.clone();
        let service = service_fn(|request| self.respond(request, draining.is_begun()));
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
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an HTTP connection ended early");
        }
    }

    async fn respond(
        &self,
        request: hyper::Request<Incoming>,
        draining: bool,
    ) -> Result<Response, Infallible> {
        let (head, body) = request.into_parts();
        let body = match body::read(body, &self.limits).await {
            Ok(body) => body,
            Err(refusal) => return Ok(response::closing(response::problem(&refusal))),
        };
        let json = body::is_json(&head.headers);
        let call = Call { method: head.method, uri: head.uri, json, body };
        let response = self.route(&call, draining).await;
        Ok(if draining { response::closing(response) } else { response })
    }

    async fn route(&self, call: &Call, draining: bool) -> Response {
        let path = call.uri.path();
        if path == "/healthz" || path == "/readyz" {
            return self.health(call, path == "/readyz", draining).await;
        }
        match self.listener {
            Listener::Admin => admin::respond(&self.desk, call).await,
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
