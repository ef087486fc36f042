//! One node: its connections, and which of its paths a request is for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::database::{Access, Manner};
use crate::orders;
use crate::statement::Asked;

pub(crate) type Answer = Response<Full<Bytes>>;

/// The reply is lost: the connection is closed instead.
#[derive(Debug, thiserror::Error)]
#[error("the reply is lost")]
pub(crate) struct Lost;

/// Serves all nodes until one of them fails.
pub(crate) async fn listen(cluster: Arc<Cluster>) -> Result<(), String> {
    let mut nodes = JoinSet::new();
    for node in 0..cluster.nodes.len() {
        nodes.spawn(serve(Arc::clone(&cluster), node));
    }
    let ended = nodes.join_next().await.expect("there is a node");
    ended.map_err(|error| error.to_string())?.map(|never| match never {})
}

/// Listens while the node is up; its connections end when it goes down.
async fn serve(cluster: Arc<Cluster>, node: usize) -> Result<Infallible, String> {
    let address = cluster.nodes[node].address;
    let mut up = cluster.nodes[node].up.subscribe();
    loop {
        up.wait_for(|up| *up).await.expect("the cluster keeps the sender");
        let listener = TcpListener::bind(address).await.map_err(|error| {
            format!("{address}: {error}; choose a port that is free on 127.0.0.1 to 127.0.0.9")
        })?;
        let mut connections = JoinSet::new();
        let mut down = up.clone();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    connections.spawn(connection(Arc::clone(&cluster), node, stream));
                }
                Some(_ended) = connections.join_next() => {}
                changed = down.wait_for(|up| !*up) => {
                    changed.expect("the cluster keeps the sender");
                    break;
                }
            }
        }
    }
}

async fn connection(cluster: Arc<Cluster>, node: usize, stream: TcpStream) {
    // A client that is gone needs no delay.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&cluster), node, request));
    let connection = hyper::server::conn::http1::Builder::new();
    // What a client breaks off, or what was lost on purpose, is no failure of the node.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

/// The part of a URL behind the `?`, taken apart.
pub(crate) type Options = HashMap<String, String>;

fn options(query: Option<&str>) -> Options {
    let words = query.unwrap_or_default().split('&').filter(|word| !word.is_empty());
    let decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    words
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

async fn answer(
    cluster: Arc<Cluster>,
    node: usize,
    request: Request<Incoming>,
) -> Result<Answer, Lost> {
    let (head, body) = request.into_parts();
    let options = options(head.uri.query());
    let Ok(body) = body.collect().await else { return Err(Lost) };
    let body = body.to_bytes();
    let path = head.uri.path();
    if path.starts_with("/stand-in") {
        return Ok(orders::obey(&cluster, &head.method, path, &options));
    }
    let login = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !is_let_in(&cluster, login) {
        return Ok(plain(StatusCode::UNAUTHORIZED, String::new()));
    }
    match (path, &head.method) {
        ("/db/execute" | "/db/request", &Method::POST) | ("/db/query", _) => {
            let place = head.uri.path_and_query().map_or(path, |place| place.as_str());
            on_database(cluster, node, path, place, &options, body).await
        }
        ("/nodes", &Method::GET) => Ok(nodes(&cluster, &options)),
        ("/leader", &Method::GET) => Ok(leader(&cluster)),
        ("/leader", &Method::POST) => Ok(step_down(&cluster, &body)),
        ("/status", &Method::GET) => Ok(status(&cluster, node)),
        ("/readyz", &Method::GET) => Ok(readiness(&cluster, &options)),
        ("/db/execute" | "/db/request" | "/nodes" | "/leader" | "/status" | "/readyz", _) => {
            Ok(plain(StatusCode::METHOD_NOT_ALLOWED, String::new()))
        }
        _ => Ok(plain(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())),
    }
}

fn is_let_in(cluster: &Cluster, given: Option<&str>) -> bool {
    let Some((user, password)) = cluster.state().login.clone() else { return true };
    let due = BASE64_STANDARD.encode(format!("{user}:{password}"));
    given.and_then(|given| given.strip_prefix("Basic ")).is_some_and(|given| given == due)
}

/// A request to the data: for the leader, whoever it was sent to.
async fn on_database(
    cluster: Arc<Cluster>,
    node: usize,
    path: &str,
    place: &str,
    options: &Options,
    body: Bytes,
) -> Result<Answer, Lost> {
    let state = {
        let mut state = cluster.state();
        state.requests[node] += 1;
        state.clone()
    };
    tokio::time::sleep(state.delay).await;
    if options.contains_key("queue") {
        let why = "the stand-in has no write queue\n".to_owned();
        return Ok(plain(StatusCode::BAD_REQUEST, why));
    }
    if state.loops {
        let next = (node + 1) % cluster.nodes.len();
        return Ok(redirect(format!("{}{place}", cluster.url(next))));
    }
    let reads_stale = path == "/db/query" && options.get("level").is_some_and(|it| it == "none");
    if !reads_stale {
        let Some(leader) = cluster.leader() else {
            return Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "leader not found\n".to_owned()));
        };
        if leader != node && (state.redirects || options.contains_key("redirect")) {
            return Ok(redirect(format!("{}{place}", cluster.url(leader))));
        }
    }
    let asked = match options.get("q") {
        Some(text) if path == "/db/query" => Ok(vec![Asked::plain(text)]),
        _ => Asked::all(&body),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(why) => return Ok(plain(StatusCode::BAD_REQUEST, format!("{why}\n"))),
    };
    let manner = Manner {
        access: if path == "/db/query" { Access::Read } else { Access::Write },
        transaction: options.contains_key("transaction"),
        associative: options.contains_key("associative"),
    };
    run(cluster, asked, manner).await
}

async fn run(cluster: Arc<Cluster>, asked: Vec<Asked>, manner: Manner) -> Result<Answer, Lost> {
    let work = move || {
        let told = cluster.database().run(&asked, manner);
        let mut state = cluster.state();
        if manner.access == Access::Write && state.lose > 0 {
            state.lose -= 1;
            return Err(Lost);
        }
        Ok(told)
    };
    let told = tokio::task::spawn_blocking(work).await.map_err(|_panicked| Lost)??;
    Ok(json(
        StatusCode::OK,
        &match told {
            Ok(results) => json!({"results": results}),
            Err(error) => json!({"error": error.to_string()}),
        },
    ))
}

/// What a node tells of another; `id` and addresses as a real cluster's would be.
fn described(cluster: &Cluster, node: usize) -> Value {
    let leader = cluster.leader();
    let mut told = json!({
        "id": (node + 1).to_string(),
        "addr": cluster.nodes[node].address.to_string(),
        "voter": true,
        "reachable": cluster.is_up(node),
        "leader": leader == Some(node),
    });
    match cluster.is_up(node) {
        true => told["api_addr"] = cluster.url(node).into(),
        false => told["error"] = "connection refused".into(),
    }
    told
}

fn nodes(cluster: &Cluster, options: &Options) -> Answer {
    let all = (0..cluster.nodes.len()).map(|node| described(cluster, node));
    if options.get("ver").is_some_and(|version| version == "2") {
        return json(StatusCode::OK, &json!({"nodes": all.collect::<Vec<_>>()}));
    }
    let keyed = all.map(|told| (told["id"].as_str().unwrap_or_default().to_owned(), told));
    json(StatusCode::OK, &Value::Object(keyed.collect()))
}

fn leader(cluster: &Cluster) -> Answer {
    match cluster.leader() {
        Some(leader) => json(StatusCode::OK, &described(cluster, leader)),
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "leader not found\n".to_owned()),
    }
}

/// The documented way to have another leader: the one named in the body, or the next that is up.
fn step_down(cluster: &Cluster, body: &[u8]) -> Answer {
    let Some(leader) = cluster.leader() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "leader not found\n".to_owned());
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = body["id"].as_str().map(|id| id.parse::<usize>().ok()?.checked_sub(1));
    let count = cluster.nodes.len();
    let next = (1..count).map(|by| (leader + by) % count).find(|node| cluster.is_up(*node));
    match named.unwrap_or(next).filter(|node| *node < count && cluster.is_up(*node)) {
        Some(node) => {
            cluster.state().leader = Some(node);
            json(StatusCode::OK, &json!({}))
        }
        None => plain(StatusCode::INTERNAL_SERVER_ERROR, "node not found in cluster\n".to_owned()),
    }
}

fn status(cluster: &Cluster, node: usize) -> Answer {
    let leader = cluster.leader().map(|leader| described(cluster, leader));
    let is_leader = cluster.leader() == Some(node);
    json(
        StatusCode::OK,
        &json!({
            "build": {"version": concat!("stand-in ", env!("CARGO_PKG_VERSION"))},
            "http": {"bind_addr": cluster.nodes[node].address.to_string()},
            "store": {
                "node_id": (node + 1).to_string(),
                "leader": leader.map_or_else(|| json!({}), |told| {
                    json!({"node_id": told["id"], "addr": told["addr"]})
                }),
                "raft": {"state": if is_leader { "Leader" } else { "Follower" }},
            },
        }),
    )
}

fn readiness(cluster: &Cluster, options: &Options) -> Answer {
    if options.contains_key("noleader") {
        return plain(StatusCode::OK, "[+]node ok".to_owned());
    }
    match cluster.leader() {
        Some(_) => plain(StatusCode::OK, "[+]node ok\n[+]leader ok\n[+]store ok".to_owned()),
        None => {
            let told = "[+]node ok\n[+]leader does not exist".to_owned();
            plain(StatusCode::SERVICE_UNAVAILABLE, told)
        }
    }
}

fn redirect(to: String) -> Answer {
    let mut answer = plain(StatusCode::MOVED_PERMANENTLY, String::new());
    match to.parse() {
        Ok(value) => drop(answer.headers_mut().insert(LOCATION, value)),
        Err(_) => return plain(StatusCode::BAD_REQUEST, "invalid URL\n".to_owned()),
    }
    answer
}

pub(crate) fn plain(status: StatusCode, text: String) -> Answer {
    of(status, "text/plain; charset=utf-8", text)
}

pub(crate) fn json(status: StatusCode, value: &Value) -> Answer {
    of(status, "application/json; charset=utf-8", value.to_string())
}

fn of(status: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    answer
}

/// A time in milliseconds.
pub(crate) fn ms(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}
