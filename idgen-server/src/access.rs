//! What a log of accesses is told.

use std::fmt;
use std::net::IpAddr;

use hyper::body::{Body, Incoming};
use hyper::header::{HeaderMap, HeaderName, REFERER, USER_AGENT};
use hyper::{Method, Request, Response};

/// One HTTP request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Who asked; `None` if the connection was gone already.
    pub peer: Option<IpAddr>,
    /// The method, the target as it was sent, and the version of HTTP.
    pub line: String,
    /// The header of that name, as it was sent.
    pub referer: Option<Vec<u8>>,
    /// The header of that name, as it was sent.
    pub user_agent: Option<Vec<u8>>,
    /// The status that was answered.
    pub status: u16,
    /// The length of the body that was answered, in bytes.
    pub bytes: u64,
}

/// Keeps a record of each request.
pub trait AccessLog: fmt::Debug + Send + Sync {
    /// Told when the answer is known and before it is sent. It runs where requests are answered,
    /// so it must not wait.
    fn record(&self, access: Access);
}

impl Access {
    /// A request that has not been answered yet.
    pub(crate) fn of(request: &Request<Incoming>, peer: Option<IpAddr>) -> Self {
        let header = |name| header(request.headers(), name);
        Self {
            peer: peer.map(|peer| peer.to_canonical()),
            line: format!("{} {} {:?}", request.method(), request.uri(), request.version()),
            referer: header(REFERER),
            user_agent: header(USER_AGENT),
            status: 0,
            bytes: 0,
        }
    }

    /// The same request with its answer.
    pub(crate) fn answered<B: Body>(mut self, response: &Response<B>) -> Self {
        self.status = response.status().as_u16();
        let is_head = self.line.starts_with(Method::HEAD.as_str());
        self.bytes = if is_head { 0 } else { response.body().size_hint().lower() };
        self
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<Vec<u8>> {
    headers.get(name).map(|value| value.as_bytes().to_vec())
}
