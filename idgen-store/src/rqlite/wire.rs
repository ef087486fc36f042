//! One request to one node, over a connection that is kept.
//!
//! What matters of a failure is whether the node may have acted: a request that was not written as
//! a whole has had no effect; one that was written and not answered may have had.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use super::settings::{Node, RqliteSettings};

/// No answer to what is asked here comes near it.
const LARGEST_ANSWER_BYTES: usize = 64 << 20;

/// What is asked, of whichever node.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Path and options.
    pub(super) path: &'static str,
    /// `None` for what is asked by GET.
    pub(super) body: Option<Bytes>,
    /// Whether it may be sent again when it may have had an effect already.
    pub(super) repeatable: bool,
}

/// What a node said.
#[derive(Debug)]
pub(super) enum Said {
    /// The body of a 200.
    Answer(Bytes),
    /// Another node is to be asked; nothing was done.
    Elsewhere(Node),
    /// The node knows no leader; nothing was done.
    Leaderless(String),
}

/// Why nothing was said.
#[derive(Debug)]
pub(super) enum Miss {
    /// The node has not seen the request.
    Unreached(String),
    /// It may have.
    Lost(String),
    /// It answered that it will not.
    Refused(Fault),
}

/// The connections to all nodes.
pub(super) struct Wire {
    tls: Option<TlsConnector>,
    login: Option<HeaderValue>,
    connect_timeout: Duration,
    idle: Mutex<Vec<Session>>,
}

/// A connection that one request uses at a time; dropping it closes it.
struct Session {
    node: Node,
    sender: SendRequest<Full<Bytes>>,
}

impl Wire {
    pub(super) fn new(settings: &RqliteSettings) -> Self {
        Self {
            tls: settings.tls.clone(),
            login: settings.login.clone(),
            connect_timeout: settings.connect_timeout,
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection to the node, if there is one.
    fn pop(&self, node: &Node) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|session| !session.sender.is_closed());
        let at = idle.iter().rposition(|session| session.node == *node)?;
        Some(idle.remove(at))
    }

    /// Keeps a connection for the next request; those to other nodes are of no use any more.
    fn keep(&self, session: Session) {
        let mut idle = self.idle();
        idle.retain(|other| other.node == session.node);
        idle.push(session);
    }

    /// Sends a question to a node and reads what it says.
    pub(super) async fn ask(&self, node: &Node, question: &Question) -> Result<Said, Miss> {
        loop {
            let known = self.pop(node);
            let is_new = known.is_none();
            let mut session = match known {
                Some(session) => session,
                None => self.connect(node).await?,
            };
            let sent = match session.sender.ready().await {
                Ok(()) => session.sender.try_send_request(self.request(node, question)).await,
                Err(_ended) if !is_new => continue,
                Err(error) => return Err(Miss::Unreached(error.to_string())),
            };
            match sent {
                Ok(response) => {
                    let said = read(node, response).await;
                    if !matches!(said, Err(Miss::Lost(_))) {
                        self.keep(session);
                    }
                    return said;
                }
                // The connection had ended while nobody used it.
                Err(error) if error.message().is_some() && !is_new => {}
                Err(error) if error.message().is_some() => {
                    return Err(Miss::Unreached(told(error.error())));
                }
                Err(error) => return Err(Miss::Lost(told(error.error()))),
            }
        }
    }

    async fn connect(&self, node: &Node) -> Result<Session, Miss> {
        let limit = self.connect_timeout;
        let late = |_| Miss::Unreached(format!("no connection within {} ms", limit.as_millis()));
        tokio::time::timeout(limit, self.open(node)).await.map_err(late)?.map_err(Miss::Unreached)
    }

    async fn open(&self, node: &Node) -> Result<Session, String> {
        let words = |error: &dyn std::error::Error| error.to_string();
        let address = (node.host.as_str(), node.port);
        let stream = TcpStream::connect(address).await.map_err(|error| words(&error))?;
        stream.set_nodelay(true).map_err(|error| words(&error))?;
        let sender = match self.tls.as_ref().filter(|_| node.tls) {
            Some(tls) => {
                let name =
                    ServerName::try_from(node.host.clone()).map_err(|error| words(&error))?;
                let stream = tls.connect(name, stream).await.map_err(|error| words(&error))?;
                handshake(TokioIo::new(stream)).await
            }
            None => handshake(TokioIo::new(stream)).await,
        };
        Ok(Session { node: node.clone(), sender: sender.map_err(|error| told(&error))? })
    }

    fn request(&self, node: &Node, question: &Question) -> Request<Full<Bytes>> {
        let method = if question.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(question.path);
        request = request.header(HOST, node.authority());
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, login);
        }
        let body = question.body.clone().unwrap_or_default();
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::new(body));
        request.expect("a host that was checked makes a header")
    }
}

async fn handshake<T>(io: TokioIo<T>) -> hyper::Result<SendRequest<Full<Bytes>>>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await?;
    // What ends a connection is told to the request on it.
    tokio::spawn(connection);
    Ok(sender)
}

/// An error with its cause, which hyper keeps apart.
fn told(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

async fn read(node: &Node, response: Response<Incoming>) -> Result<Said, Miss> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| Miss::Lost(error.to_string()))?.to_bytes();
    let text = || String::from_utf8_lossy(&body).trim().chars().take(200).collect::<String>();
    let refused = |what: String| Err(Miss::Refused(Fault::Refused(what)));
    match head.status {
        StatusCode::OK => Ok(Said::Answer(body)),
        status if status.is_redirection() => {
            let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            match location.and_then(Node::of_url) {
                // A password must not leave the encryption that it was given to.
                Some(other) if node.tls && !other.tls => refused(format!(
                    "{node} named {other}, which is not encrypted; have the nodes advertise https"
                )),
                Some(other) => Ok(Said::Elsewhere(other)),
                None => refused(format!("{node} named no node to ask; see that it is rqlite")),
            }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Miss::Refused(Fault::Unfit(format!(
                "{node} does not know this user, or forbids it to execute and to query; check \
                 user and password in the URL"
            ))))
        }
        StatusCode::SERVICE_UNAVAILABLE => Ok(Said::Leaderless(text())),
        StatusCode::INTERNAL_SERVER_ERROR if text().contains("leader not found") => {
            Ok(Said::Leaderless(text()))
        }
        status if status.is_server_error() => Err(Miss::Lost(format!("{status}: {}", text()))),
        status => refused(format!("{node} answered {status}: {}; see that it is rqlite", text())),
    }
}
