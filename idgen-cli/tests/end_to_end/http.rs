//! The native API, the admin listener and the limits of both.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;

use crate::clients::{Answer, Http, once};
use crate::harness::{Place, Server, assert_distinct};

fn cause(server: &Server, method: &str, path: &str) -> (u16, String) {
    once(server.http(), method, path).cause()
}

fn admin(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    let mut http = Http::connect(server.admin()).unwrap();
    let path = format!("/admin/v1/sequences{path}");
    if body.is_empty() { http.ask(method, &path) } else { http.ask_json(method, &path, body) }
        .unwrap()
}

#[test]
fn ids_come_listed_and_as_ranges() {
    let place = Place::new();
    let server = place.serve();
    let mut http = Http::connect(server.http()).unwrap();
    assert_eq!(http.ids("/v1/sequences/default/ids").unwrap(), [1]);
    assert_eq!(http.ids("/v1/sequences/default/ids?count=3").unwrap(), [2, 3, 4]);
    let answer = http.ask("POST", "/v1/sequences/default/ids?count=5&as=range").unwrap();
    let ranges = json!({ "ranges": [{ "start": "5", "step": "1", "len": "5" }] });
    assert_eq!(answer.json(), ranges);
    let mut snowflakes = http.ids("/v1/snowflakes?count=10000").unwrap();
    assert_eq!(snowflakes.len(), 10_000);
    assert!(snowflakes.windows(2).all(|pair| pair[0] < pair[1]));
    let answer = http.ask("POST", "/v1/snowflakes?count=100000&as=range").unwrap().json();
    let len = |range: &serde_json::Value| range["len"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(answer["ranges"].as_array().unwrap().iter().map(len).sum::<u64>(), 100_000);
    assert_distinct("snowflakes", &mut snowflakes);
}

#[test]
fn a_sequence_shows_the_last_id_and_an_id_its_parts() {
    let place = Place::new();
    let server = place.serve_with(&["--worker", "77"], &[]);
    let mut http = Http::connect(server.http()).unwrap();
    let show = |http: &mut Http| http.ask("GET", "/v1/sequences/default").unwrap().json();
    assert_eq!(show(&mut http)["last"], "0");
    http.ids("/v1/sequences/default/ids?count=7").unwrap();
    assert_eq!(show(&mut http)["last"], "7");
    let id = http.ids("/v1/snowflakes").unwrap()[0];
    let decoded = http.ask("GET", &format!("/v1/ids/{id}")).unwrap().json();
    assert_eq!((&decoded["id"], &decoded["layout"]), (&json!(id.to_string()), &json!("standard")));
    assert_eq!(decoded["fields"], json!({ "worker": "77" }));
    let genid = http.ask("GET", &format!("/v1/ids/{id}?layout=genid")).unwrap().json();
    assert_eq!(genid["layout"], "genid");
    let head = http.ask("HEAD", "/v1/sequences/default").unwrap();
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[test]
fn what_is_wrong_is_refused_with_its_cause() {
    let place = Place::new();
    let server = place.serve();
    let bad = |code: u16| (code, "bad_request".to_owned());
    for path in [
        "/v1/snowflakes?count=0",
        "/v1/snowflakes?count=-1",
        "/v1/snowflakes?count=1&count=1",
        "/v1/snowflakes?n=1",
        "/v1/snowflakes?as=list",
        "/v1/sequences/%FF/ids",
        "/v1/sequences/%zz/ids",
        "/v1/sequences//ids",
    ] {
        assert_eq!(cause(&server, "POST", path), bad(400), "{path}");
    }
    let long = format!("/v1/sequences/{}/ids", "x".repeat(129));
    assert_eq!(cause(&server, "POST", &long), bad(400));
    assert_eq!(cause(&server, "POST", "/v1/snowflakes?count=10001"), bad(413));
    assert_eq!(cause(&server, "POST", "/v1/snowflakes?count=1000001&as=range"), bad(413));
    let unknown = (404, "unknown".to_owned());
    assert_eq!(cause(&server, "POST", "/v1/sequences/nope/ids"), unknown);
    assert_eq!(cause(&server, "GET", "/v1/sequences/nope"), unknown);
    assert_eq!(cause(&server, "GET", "/nowhere"), unknown);
    assert_eq!(cause(&server, "GET", "/v1/ids/12x"), bad(400));
    assert_eq!(cause(&server, "GET", "/v1/ids/12?layout=nobody"), bad(400));
    let wrong_method = once(server.http(), "GET", "/v1/snowflakes");
    assert_eq!((wrong_method.status, wrong_method.header("Allow")), (405, Some("POST")));
}

#[test]
fn sequences_are_administered_on_the_admin_listener_only() {
    let place = Place::new();
    let server = place.serve();
    let name = "/a%2Fb%27%3B%00%25";
    assert_eq!(admin(&server, "PUT", name, r#"{"increment":"5","offset":2}"#).status, 201);
    assert_eq!(admin(&server, "PUT", name, r#"{"increment":"5","offset":2}"#).status, 200);
    assert_eq!(admin(&server, "PUT", name, "").cause(), (409, "exists".to_owned()));
    let mut http = Http::connect(server.http()).unwrap();
    let ids = format!("/v1/sequences{name}/ids?count=2");
    assert_eq!(http.ids(&ids).unwrap(), [2, 7]);
    let advanced = admin(&server, "POST", &format!("{name}/advance"), r#"{"above":"50000"}"#);
    assert_eq!(advanced.status, 204, "{advanced:?}");
    assert_eq!(http.ids(&ids).unwrap(), [50_002, 50_007]);
    let lower = admin(&server, "POST", &format!("{name}/advance"), r#"{"above":"7"}"#);
    assert_eq!(lower.cause(), (400, "bad_request".to_owned()));
    let altered = admin(&server, "PATCH", name, r#"{"increment":"1","above":"90000000"}"#);
    assert_eq!(altered.status, 200, "{altered:?}");
    assert_eq!(http.ids(&ids).unwrap(), [90_000_001, 90_000_002]);
    let list = admin(&server, "GET", "", "").json();
    let names: Vec<_> = list["sequences"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["a/b';\0%", "default"]);
    assert_eq!(admin(&server, "DELETE", name, "").status, 204);
    assert_eq!(http.ask("POST", &ids).unwrap().cause(), (404, "unknown".to_owned()));
    assert_eq!(admin(&server, "PUT", name, "").status, 201);
    assert!(http.ids(&ids).unwrap()[0] > 90_000_002, "a deleted name began again");
    for (method, path) in [("GET", ""), ("PUT", "/x"), ("DELETE", "/default"), ("POST", "/x/thaw")]
    {
        let answer = once(server.http(), method, &format!("/admin/v1/sequences{path}"));
        assert_eq!(answer.cause(), (404, "unknown".to_owned()), "{method} {path} on data");
    }
    assert_eq!(once(server.admin(), "POST", "/v1/snowflakes").status, 404);
}

#[test]
fn a_web_page_cannot_post_to_the_admin_listener() {
    let place = Place::new();
    let server = place.serve();
    let mut http = Http::connect(server.admin()).unwrap();
    let (path, body) = ("/admin/v1/sequences/default/advance", r#"{"above":"9"}"#);
    http.send(&format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    ))
    .unwrap();
    assert_eq!(http.answer(false).unwrap().cause(), (400, "bad_request".to_owned()));
}

#[test]
fn health_is_on_both_listeners() {
    let place = Place::new();
    let server = place.serve();
    for addr in [server.http(), server.admin()] {
        assert_eq!(once(addr, "GET", "/healthz").json(), json!({ "alive": true }));
        let ready = once(addr, "GET", "/readyz");
        assert_eq!((ready.status, ready.json()["ready"].clone()), (200, json!(true)));
    }
}

#[test]
fn bodies_and_heads_are_bounded() {
    let place = Place::new();
    let server = place.serve();
    let mut http = Http::connect(server.http()).unwrap();
    let answer = http.ask_json("POST", "/v1/snowflakes", &"x".repeat(60_000)).unwrap();
    assert_eq!(answer.status, 200, "a body within bounds is ignored");
    assert_eq!(http.ids("/v1/snowflakes").unwrap().len(), 1, "and the connection goes on");
    http.send("POST /v1/snowflakes HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n").unwrap();
    http.send(&"x".repeat(70_000)).unwrap();
    assert_eq!(http.answer(false).unwrap().cause(), (413, "bad_request".to_owned()));
    let mut http = Http::connect(server.http()).unwrap();
    http.send(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000))).unwrap();
    assert_eq!(http.answer(false).unwrap().status, 431);
}

#[test]
fn garbage_on_any_port_harms_nobody() {
    let place = Place::new();
    let server = place.serve();
    let mut seed = 0x9e37_79b9_u64;
    for round in 0..60 {
        let garbage: Vec<u8> = (0..300)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed.to_be_bytes()[1]
            })
            .collect();
        for addr in [server.http(), server.tcp(), server.admin()] {
            let mut stream = TcpStream::connect(addr).unwrap();
            // The server may have hung up on the first bytes.
            let _refused = stream.write_all(&garbage[round..]);
        }
    }
    assert_eq!(once(server.http(), "POST", "/v1/snowflakes").status, 200);
    assert_eq!(once(server.admin(), "GET", "/readyz").status, 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.stop();
}
