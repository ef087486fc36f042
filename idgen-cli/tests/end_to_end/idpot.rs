//! The idpot door, row by row, and the defects of the original that it must not have.

use std::net::SocketAddr;

use crate::clients::{Answer, Http, once, post_form};
use crate::disk::{confined_server, fill_up};
use crate::harness::{Place, Server};

fn create(server: &Server, form: &str) -> Answer {
    post_form(server.http(), "/pot/create", form, "")
}

fn ask(server: &Server, method: &str, path: &str) -> Answer {
    once(server.http(), method, path)
}

/// Status, body, type: the whole of a success.
fn succeeds(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, &*answer.body), (status, body), "{answer:?}");
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("Content-Length"), Some(&*body.len().to_string()));
    assert_eq!(answer.header("X-Content-Type-Options"), None);
}

/// Status and the two-part text of a refusal.
fn fails(answer: &Answer, status: u16, body: &str) {
    succeeds_not(answer);
    assert_eq!((answer.status, &*answer.body), (status, body), "{answer:?}");
}

/// Any refusal in this dialect's manner.
fn succeeds_not(answer: &Answer) {
    let title = match answer.status {
        400 => "Bad Request\n",
        403 => "Forbidden\n",
        404 => "Not Found\n",
        409 => "Conflict\n",
        410 => "Gone\n",
        413 => "Payload Too Large\n",
        503 => "Service Unavailable\n",
        other => panic!("status {other}: {answer:?}"),
    };
    assert!(answer.body.starts_with(title), "{answer:?}");
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
}

#[test]
fn the_wire_is_the_originals_byte_for_byte() {
    let place = Place::new();
    let server = place.serve();
    succeeds(&create(&server, "name=foo&min=100"), 201, "Created new pot");
    succeeds(&ask(&server, "GET", "/id/foo"), 200, "100");
    succeeds(&ask(&server, "POST", "/id/foo"), 200, "101");
    succeeds(&ask(&server, "POST", "/id/foo"), 200, "102");
    succeeds(&ask(&server, "GET", "/id/foo"), 200, "102");
    let there = ask(&server, "GET", "/pot/foo");
    assert_eq!((there.status, &*there.body), (204, ""));
    assert_eq!((there.header("Content-Length"), there.header("Content-Type")), (None, None));
    fails(&ask(&server, "GET", "/pot/nope"), 404, "Not Found\nSpecified pot does not exist");
    for method in ["GET", "POST"] {
        fails(&ask(&server, method, "/id/nope"), 404, "Not Found\nSpecified pot does not exist");
    }
    fails(&create(&server, "name=foo&min=100"), 409, "Conflict\nSpecified pot already exists");
    fails(&create(&server, "name=foo&min=7"), 409, "Conflict\nSpecified pot already exists");
    let unnamed = "Bad Request\nRequired parameter 'name' not provided";
    for form in ["", "min=3", "name="] {
        fails(&create(&server, form), 400, unnamed);
    }
    succeeds(&create(&server, "name=bar"), 201, "Created new pot");
    succeeds(&ask(&server, "POST", "/id/bar"), 200, "1");
}

#[test]
fn other_paths_and_methods_do_nothing() {
    let place = Place::new();
    let server = place.serve();
    succeeds(&create(&server, "name=foo"), 201, "Created new pot");
    for (method, path) in
        [("PUT", "/id/foo"), ("DELETE", "/pot/foo"), ("POST", "/pot/foo"), ("PUT", "/pot/create")]
    {
        fails(&ask(&server, method, path), 404, "Not Found\n");
    }
    for path in ["/id/foo", "/pot/foo", "/pot/create"] {
        let head = ask(&server, "HEAD", path);
        assert_eq!((head.status, &*head.body), (404, ""), "{path}");
    }
    succeeds(&ask(&server, "GET", "/id/foo"), 200, "0");
    assert_eq!(ask(&server, "GET", "/ids/foo").cause(), (404, "unknown".to_owned()));
}

#[test]
fn name_and_min_come_from_the_body_only() {
    let place = Place::new();
    let server = place.serve();
    let query = "/pot/create?name=query&min=9";
    let unnamed = "Bad Request\nRequired parameter 'name' not provided";
    fails(&post_form(server.http(), query, "", ""), 400, unnamed);
    succeeds(&post_form(server.http(), query, "name=a+b%2Fc", ""), 201, "Created new pot");
    succeeds(&ask(&server, "POST", "/id/a%20b/c?count=5"), 200, "1");
    succeeds(&ask(&server, "POST", "/id/a%20b%2Fc"), 200, "2");
    assert_eq!(ask(&server, "GET", "/pot/query").status, 404);
    assert_eq!(ask(&server, "GET", "/pot/a+b/c").status, 404, "a plus in a path is a plus");
}

#[test]
fn names_and_numbers_out_of_range_are_refused() {
    let place = Place::new();
    let server = place.serve();
    for form in ["name=a&min=-1", "name=a&min=x", "name=a&min=", "name=a&min=18446744073709551615"]
    {
        let answer = create(&server, form);
        assert_eq!(answer.status, 400, "{form}");
        succeeds_not(&answer);
    }
    let long = "x".repeat(61);
    for name in ["a%00b", "a%20", &long, "%zz", "%FF"] {
        for (method, path) in [("POST", "/id/"), ("GET", "/id/"), ("GET", "/pot/")] {
            let answer = ask(&server, method, &format!("{path}{name}"));
            assert_eq!(answer.status, 400, "{method} {path}{name}");
            succeeds_not(&answer);
        }
        assert_eq!(create(&server, &format!("name={name}")).status, 400, "{name}");
    }
    let big = create(&server, &format!("name={}", "x".repeat(70_000)));
    assert_eq!(big.status, 413);
    succeeds_not(&big);
    succeeds(&create(&server, &format!("name={}", "x".repeat(60))), 201, "Created new pot");
}

#[test]
fn a_pot_reaches_the_last_number_and_ends() {
    let place = Place::new();
    let server = place.serve();
    succeeds(&create(&server, "name=high&min=18446744073709551613"), 201, "Created new pot");
    succeeds(&ask(&server, "POST", "/id/high"), 200, "18446744073709551614");
    succeeds(&ask(&server, "POST", "/id/high"), 200, "18446744073709551615");
    for _ in 0..2 {
        let ended = ask(&server, "POST", "/id/high");
        assert_eq!(ended.status, 410);
        succeeds_not(&ended);
    }
    succeeds(&ask(&server, "GET", "/id/high"), 200, "18446744073709551615");
}

#[test]
fn pots_are_created_where_the_operator_says() {
    let place = Place::new();
    let on = |listener: SocketAddr, name: &str| {
        post_form(listener, "/pot/create", &format!("name={name}"), "").status
    };
    for (setting, data, admin) in [("data", 201, 403), ("admin", 403, 201), ("off", 403, 403)] {
        let server = place.serve_with(&["--pot-create", setting], &[]);
        let name = format!("of-{setting}");
        assert_eq!(on(server.http(), &name), data, "{setting} on data");
        assert_eq!(on(server.admin(), &format!("{name}-admin")), admin, "{setting} on admin");
        server.stop();
    }
    let server = place.serve();
    assert_eq!(ask(&server, "GET", "/pot/of-data").status, 204);
    assert_eq!(ask(&server, "GET", "/pot/of-admin-admin").status, 204);
    for name in ["of-data-admin", "of-admin", "of-off", "of-off-admin"] {
        assert_eq!(ask(&server, "GET", &format!("/pot/{name}")).status, 404, "{name}");
    }
}

#[test]
fn a_short_admin_token_is_refused_and_not_told() {
    let place = Place::new();
    let file = place.path().join("token");
    std::fs::write(&file, "hush-hush\n").unwrap();
    let args = ["--admin-token-file", file.to_str().unwrap()];
    let refused = place.serve_command(&args).output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{line}");
    assert!(line.contains("16 to 1024") && !line.contains("hush"), "{line}");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let server = place.serve_with(&args, &[]);
    succeeds(&create(&server, "name=foo"), 201, "Created new pot");
}

#[test]
fn a_web_page_cannot_create_a_pot() {
    let place = Place::new();
    let server = place.serve();
    let origin = "Origin: http://elsewhere.example\r\n";
    let answer = post_form(server.http(), "/pot/create", "name=foo", origin);
    assert_eq!(answer.status, 403);
    succeeds_not(&answer);
    assert_eq!(ask(&server, "GET", "/pot/foo").status, 404);
}

#[test]
fn beats_1_a_pots_name_is_never_read_as_sql() {
    let place = Place::new();
    let server = place.serve();
    succeeds(&create(&server, "name=foo&min=100"), 201, "Created new pot");
    succeeds(&ask(&server, "POST", "/id/foo"), 200, "101");
    let injection = "foo%20set%20id%3D0--%20";
    assert_eq!(ask(&server, "POST", &format!("/id/{injection}")).status, 400, "a trailing blank");
    let without_blank = injection.trim_end_matches("%20");
    assert_eq!(ask(&server, "POST", &format!("/id/{without_blank}")).status, 404);
    succeeds(&create(&server, &format!("name={without_blank}&min=7")), 201, "Created new pot");
    succeeds(&ask(&server, "POST", &format!("/id/{without_blank}")), 200, "8");
    succeeds(&ask(&server, "POST", "/id/foo"), 200, "102");
    for name in ["%27%3B%20DROP%20TABLE%20x", "%60foo%60", "%22%5C"] {
        succeeds(&create(&server, &format!("name={name}")), 201, "Created new pot");
        succeeds(&ask(&server, "POST", &format!("/id/{name}")), 200, "1");
    }
    succeeds(&ask(&server, "POST", "/id/foo"), 200, "103");
}

#[test]
fn beats_2_an_id_is_never_zero_nor_another_clients() {
    let place = Place::new();
    let server = place.serve();
    succeeds(&create(&server, "name=foo"), 201, "Created new pot");
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let client = || {
            let mut http = Http::connect(server.http()).unwrap();
            // Beats 3: one connection, as many ids as are wanted.
            let mint = |_| http.ask("POST", "/id/foo").unwrap().body.parse::<u64>().unwrap();
            (0..500).map(mint).collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(client)).collect();
        all.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
    });
    all.sort_unstable();
    assert_eq!(all, (1..=4000).collect::<Vec<_>>());
}

#[test]
fn beats_4_an_outage_is_not_no_such_pot() {
    let place = Place::new();
    let server = confined_server(&place, "1m", &[]);
    succeeds(&create(&server, "name=foo"), 201, "Created new pot");
    let _full = fill_up(&server, &place);
    let refused = ask(&server, "POST", "/id/foo");
    assert_eq!(refused.status, 503, "{refused:?}");
    succeeds_not(&refused);
    assert!(refused.header("Retry-After").is_some());
    let words = ["idgen.db", "sqlite", "disk", "127.0.0.1"];
    assert!(!words.iter().any(|word| refused.body.contains(word)), "{refused:?}");
    let not_created = create(&server, "name=bar");
    assert_eq!(not_created.status, 503, "{not_created:?}");
    succeeds_not(&not_created);
}

#[test]
fn beats_5_the_current_value_is_the_last_id_and_not_the_bound() {
    let place = Place::new();
    let mut server = place.serve();
    succeeds(&create(&server, "name=foo&min=100"), 201, "Created new pot");
    for id in 101..=105 {
        succeeds(&ask(&server, "POST", "/id/foo"), 200, &id.to_string());
    }
    succeeds(&ask(&server, "GET", "/id/foo"), 200, "105");
    let shown = place.run(&["--json", "sequence", "show", "foo"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let bound: u64 = shown["bound"].as_str().unwrap().parse().unwrap();
    assert!(bound > 105, "the store leased no more than was issued: {bound}");
    // After a crash nobody knows more than the store.
    server.kill();
    let server = place.serve();
    succeeds(&ask(&server, "GET", "/id/foo"), 200, &bound.to_string());
    succeeds(&ask(&server, "POST", "/id/foo"), 200, &(bound + 1).to_string());
    succeeds(&ask(&server, "GET", "/id/foo"), 200, &(bound + 1).to_string());
}
