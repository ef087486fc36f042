//! `GET /sequence` and `/swagger`, byte for byte, with whatever it is that claims the number.

mod exchange;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use exchange::exchange;
use idgen_runtime::store::{Name, NoNumber, NodeNumber, open};
use idgen_runtime::{Runtime, Settings};
use idgen_server::{Desk, Doors, Limits, Server};
use tokio::net::TcpListener;

/// Tells what the test wants.
struct Puppet {
    /// Without one it never answers.
    outcome: Mutex<Option<Result<u64, NoNumber>>>,
    asked: AtomicU64,
    given_back: AtomicU64,
}

#[async_trait]
impl NodeNumber for Puppet {
    async fn number(&self) -> Result<u64, NoNumber> {
        // SeqCst: one counter alone, and tests have the time.
        self.asked.fetch_add(1, Ordering::SeqCst);
        let outcome = self.outcome.lock().unwrap().clone();
        match outcome {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    async fn give_back(&self) {
        // SeqCst: as above.
        self.given_back.fetch_add(1, Ordering::SeqCst);
    }
}

struct Stage {
    server: Server,
    addr: SocketAddr,
    puppet: Arc<Puppet>,
}

impl Stage {
    async fn with(outcome: Option<Result<u64, NoNumber>>) -> Self {
        let (asked, given_back) = (AtomicU64::new(0), AtomicU64::new(0));
        let puppet = Arc::new(Puppet { outcome: Mutex::new(outcome), asked, given_back });
        let number: Arc<dyn NodeNumber> = Arc::clone(&puppet) as _;
        let desk = Desk {
            runtime: Runtime::start(open("memory:").unwrap(), Settings::default()).unwrap(),
            pool: Name::new("default").unwrap(),
            integers: Name::new("integers").unwrap(),
            snowflakes: None,
            genid: None,
            number: Some(number),
            request_deadline: Duration::from_millis(300),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let doors = Doors { sequence_http: Some(listener), ..Doors::default() };
        Self { server: Server::start(desk, doors, Limits::default()), addr, puppet }
    }

    async fn ask(&self, line: &str) -> (String, String) {
        let request = format!("{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        exchange(self.addr, &request).await
    }

    fn asked(&self) -> u64 {
        // SeqCst: as above.
        self.puppet.asked.load(Ordering::SeqCst)
    }
}

fn has(head: &str, line: &str) {
    assert!(head.lines().any(|each| each == line), "no '{line}': {head}");
}

#[tokio::test]
async fn a_number_is_answered_byte_for_byte() {
    for (number, digits) in [(1, "1"), (42, "42"), (u64::MAX, "18446744073709551615")] {
        let stage = Stage::with(Some(Ok(number))).await;
        for path in ["/sequence", "/Sequence", "/SEQUENCE?x=1"] {
            let (head, body) = stage.ask(&format!("GET {path}")).await;
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            has(&head, "Content-Type: application/json; charset=utf-8");
            has(&head, &format!("Content-Length: {}", digits.len()));
            assert_eq!(body, digits);
        }
        stage.server.drain().await;
    }
}

#[tokio::test]
async fn other_methods_and_paths_claim_nothing() {
    let stage = Stage::with(Some(Ok(1))).await;
    for path in ["/sequence", "/swagger", "/swagger/v1/swagger.json"] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get"] {
            let (head, _) = stage.ask(&format!("{method} {path}")).await;
            assert!(head.starts_with("HTTP/1.1 405 "), "{method} {path}: {head}");
            has(&head, "Allow: GET");
        }
    }
    for path in ["/", "/sequence/", "/sequence/1", "/healthz", "/v1/snowflakes", "/favicon.ico"] {
        let (head, body) = stage.ask(&format!("GET {path}")).await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert!(body.contains("/sequence"), "{body}");
    }
    assert_eq!(stage.asked(), 0);
    stage.server.drain().await;
}

#[tokio::test]
async fn beat_7_a_refusal_is_a_503_with_a_reason_and_no_address() {
    let refused = NoNumber {
        place: "zookeeper://10.0.0.7:2181/".to_owned(),
        reason: "session expired; retry".to_owned(),
    };
    let stage = Stage::with(Some(Err(refused))).await;
    let (head, body) = stage.ask("GET /sequence").await;
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
    has(&head, "Content-Type: application/problem+json");
    has(&head, "Retry-After: 1");
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["detail"], "session expired; retry");
    assert_eq!((&problem["status"], &problem["cause"]), (&503.into(), &"store_down".into()));
    assert!(!body.contains("10.0.0.7") && !body.contains("zookeeper://"), "{body}");
    stage.server.drain().await;
}

#[tokio::test]
async fn a_number_that_never_comes_is_refused_in_time() {
    let stage = Stage::with(None).await;
    let (head, body) = stage.ask("GET /sequence").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(body.contains("no answer within 300 ms"), "{body}");
    stage.server.drain().await;
}

#[tokio::test]
async fn a_drain_gives_the_number_back() {
    let stage = Stage::with(Some(Ok(3))).await;
    assert_eq!(stage.ask("GET /sequence").await.1, "3");
    let Stage { server, puppet, .. } = stage;
    server.drain().await;
    // SeqCst: as above.
    assert_eq!(puppet.given_back.load(Ordering::SeqCst), 1);
}

/// Read as OpenAPI 3, and nothing in it was without a meaning.
fn as_open_api(text: &str) -> Result<openapiv3::OpenAPI, String> {
    let api: openapiv3::OpenAPI = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let again = serde_json::to_value(&api).unwrap();
    let written: serde_json::Value = serde_json::from_str(text).unwrap();
    if again == written { Ok(api) } else { Err(format!("{again}\nis not\n{written}")) }
}

#[tokio::test]
async fn the_document_is_open_api_and_says_what_is_answered() {
    let stage = Stage::with(Some(Ok(1))).await;
    let (head, body) = stage.ask("GET /swagger/v1/swagger.json").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    has(&head, "Content-Type: application/json; charset=utf-8");
    let api = as_open_api(&body).unwrap();
    assert!(api.openapi.starts_with("3.0."), "{}", api.openapi);
    let operations: Vec<_> = api.operations().map(|(path, method, _)| (path, method)).collect();
    assert_eq!(operations, [("/sequence", "get")]);
    let (_, _, number) = api.operations().next().unwrap();
    let statuses: Vec<String> = number.responses.responses.keys().map(|s| s.to_string()).collect();
    assert_eq!(statuses, ["200", "503"]);
    let reference = "#/components/schemas/Problem";
    assert!(body.contains(&format!("\"$ref\": \"{reference}\"")));
    assert!(api.components.unwrap().schemas.contains_key("Problem"));
    stage.server.drain().await;
}

#[test]
fn a_document_with_a_slip_is_found() {
    let good = r#"{"openapi":"3.0.3","info":{"title":"a","version":"v1"},"paths":{"/a":{"get":{
        "responses":{"200":{"description":"b"}}}}}}"#;
    as_open_api(good).unwrap();
    for (word, slip) in [
        ("responses", "response"),
        ("description", "descripton"),
        ("\"title\"", "\"titel\""),
        ("\"get\"", "\"got\""),
        ("paths", "path"),
    ] {
        assert!(as_open_api(&good.replace(word, slip)).is_err(), "{slip}");
    }
}

#[tokio::test]
async fn the_page_shows_the_api_and_needs_nobody_else() {
    let stage = Stage::with(Some(Ok(1))).await;
    for path in ["/swagger", "/Swagger/", "/swagger/index.html"] {
        let (head, body) = stage.ask(&format!("GET {path}")).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        has(&head, "Content-Type: text/html; charset=utf-8");
        for word in ["<!DOCTYPE html>", "/sequence", "/swagger/v1/swagger.json", "503"] {
            assert!(body.contains(word), "no {word}: {body}");
        }
        assert!(!body.contains("://") && !body.contains("<script"), "{body}");
    }
    assert_eq!(stage.asked(), 0);
    stage.server.drain().await;
}
