//! Other servers, asked for their marks at their admin listeners.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use idgen_runtime::store::Name;
use idgen_runtime::{PeerMark, PeerMarks, Peers};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a peer may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// No mark comes near it.
const LONGEST_ANSWER_BYTES: usize = 64 << 10;

/// The admin listeners of all other servers that issue from the same store.
///
/// # Examples
///
/// ```
/// use idgen_server::AdminPeers;
/// assert!(AdminPeers::new(["http://10.0.0.2:8081"]).is_ok());
/// assert!(AdminPeers::new(["10.0.0.2:8081/admin"]).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct AdminPeers {
    hosts: Vec<String>,
}

/// A text that names no admin listener.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no address of administration; write http://HOST:PORT")]
pub struct PeerError(String);

impl AdminPeers {
    /// Listeners by their addresses, `http://HOST:PORT`.
    ///
    /// # Errors
    ///
    /// [`PeerError`] names what is none.
    pub fn new<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Self, PeerError> {
        let hosts = urls.into_iter().map(host).collect::<Result<_, _>>()?;
        Ok(Self { hosts })
    }
}

/// Host and port of an address.
fn host(url: &str) -> Result<String, PeerError> {
    let wrong = || PeerError(url.escape_debug().to_string());
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.authority().filter(|host| host.port().is_some() && !host.as_str().contains('@'));
    match host {
        Some(host) if uri.scheme_str() == Some("http") && uri.path() == "/" => {
            Ok(host.as_str().to_owned())
        }
        _ => Err(wrong()),
    }
}

impl Peers for AdminPeers {
    fn marks(&self, name: &Name) -> PeerMarks {
        let name = utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC);
        let path = format!("/admin/v1/sequences/{name}/mark");
        let hosts = self.hosts.clone();
        Box::pin(async move {
            let mut asked: JoinSet<PeerMark> = hosts
                .into_iter()
                .map(|host| {
                    let path = path.clone();
                    async move {
                        let late = |_| format!("no answer within {} ms", PATIENCE.as_millis());
                        let mark = timeout(PATIENCE, ask(&host, &path)).await.map_err(late);
                        PeerMark { mark: mark.flatten(), peer: format!("http://{host}") }
                    }
                })
                .collect();
            let mut told = Vec::new();
            while let Some(answer) = asked.join_next().await {
                told.push(answer.expect("asking a peer does not panic"));
            }
            told
        })
    }
}

/// The mark that a server tells.
async fn ask(host: &str, path: &str) -> Result<u64, String> {
    let stream = TcpStream::connect(host).await.map_err(|error| error.to_string())?;
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let answer = async move {
        let answer = sender.send_request(request).await.map_err(words)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?;
        Ok::<_, String>((status, body.to_bytes()))
    };
    // The connection ends when the answer is read and its sender gone.
    let (_ended, answer) = tokio::join!(connection, answer);
    let (status, body): (_, Bytes) = answer?;
    mark(status, &body)
}

/// The mark in an answer, or what it says instead.
fn mark(status: StatusCode, body: &[u8]) -> Result<u64, String> {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    if status != StatusCode::OK {
        return Err(format!("{status}: {}", text("detail").unwrap_or("no reason given")));
    }
    let mark = text("mark").and_then(|mark| mark.parse().ok());
    mark.ok_or_else(|| "it is no idgen server that tells marks".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(host("http://[::1]:8081").unwrap(), "[::1]:8081");
        assert_eq!(host("http://a.b:1/").unwrap(), "a.b:1");
        for wrong in ["", "a:1", "https://a:1", "http://a", "http://a:1/b", "http://u@a:1"] {
            assert_eq!(host(wrong), Err(PeerError(wrong.to_owned())));
        }
    }

    #[test]
    fn a_mark_is_taken_from_nothing_else() {
        assert_eq!(mark(StatusCode::OK, br#"{"mark":"18446744073709551615"}"#), Ok(u64::MAX));
        for wrong in [&b"7"[..], b"", br#"{"mark":7.5}"#, br#"{"mark":"-1"}"#] {
            assert!(mark(StatusCode::OK, wrong).is_err());
        }
        let said = mark(StatusCode::BAD_REQUEST, br#"{"detail":"no journal"}"#).unwrap_err();
        assert_eq!(said, "400 Bad Request: no journal");
    }
}
