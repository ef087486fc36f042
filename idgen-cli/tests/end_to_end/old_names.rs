//! The servers under their old names, each on the original's configuration file.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::clients::{GenId, once};
use crate::harness::{Place, Server, binary};

/// Nobody listens there, which no request of these tests needs.
const DOWN: &str = "me:hush@tcp(127.0.0.1:1)/pots?timeout=1s";

/// A configuration of idpot with these lines more in its section of the server.
fn idpot(place: &Place, server: &str) -> String {
    let text = format!("[Server]\nListen = 127.0.0.1:0\n{server}\n[Mysql]\nConnectString={DOWN}\n");
    place.file("idpot.gcfg", &text)
}

/// Exit code 2 and one line with these words, and no password.
fn refuses(place: &Place, args: &[&str], words: &[&str]) {
    let output = place.tool(args);
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{args:?}: {line}");
    for word in words {
        assert!(line.contains(word), "{args:?}: '{word}' is not in {line}");
    }
    assert!(!line.contains("hush"), "{line}");
}

/// Lines of the file, once there are so many.
fn lines(path: &std::path::Path, count: usize) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count || Instant::now() > until {
            assert_eq!(lines.len(), count, "{text}");
            return lines;
        }
        sleep(Duration::from_millis(10));
    }
}

fn send(server: &Server, request: &str) {
    let mut stream = TcpStream::connect(server.addr("idpot")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1."), "{answer}");
}

#[test]
fn idpot_answers_as_one_dialect_even_without_its_database() {
    let place = Place::new();
    let server = place.server_of(&["idpot-server", "-config", &idpot(&place, "")]);
    let addr = server.addr("idpot");
    for path in ["/", "/healthz", "/api/v1/newID", "/v1/snowflakes", "/pot/create"] {
        let answer = once(addr, "PUT", path);
        assert_eq!((answer.status, &*answer.body), (404, "Not Found\n"), "{path}");
        assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    }
    assert!(!server.log().contains("hush"), "{}", server.log());
}

#[test]
fn each_request_is_a_line_of_the_combined_log() {
    let place = Place::new();
    let keys = "LogFile = logs/access-%Y\nLogLinkName = access_log";
    let server = place.server_of(&["idpot-server", "--config", &idpot(&place, keys)]);
    let agent = "User-Agent: a \"quoted\\ one\r\nReferer: http://x.example/\u{fc}";
    let head = format!("GET /nowhere?q=%20 HTTP/1.1\r\nHost: t\r\n{agent}\r\nConnection: close");
    send(&server, &format!("{head}\r\n\r\n"));
    send(&server, "HEAD /id/x HTTP/1.0\r\n\r\n");
    let link = place.path().join("access_log");
    let lines = lines(&link, 2);
    let (front, rest) = lines[0].split_once(" [").unwrap();
    assert_eq!(front, "127.0.0.1 - -");
    let (time, rest) = rest.split_once("] ").unwrap();
    let digits = time.replace(|sign: char| sign.is_ascii_digit(), "9");
    assert_eq!((digits.len(), &digits[..3]), (26, "99/"), "{time}");
    assert!(digits.ends_with(":99:99:99 +9999") || digits.ends_with(":99:99:99 -9999"), "{time}");
    let expected = "\"GET /nowhere?q=%20 HTTP/1.1\" 404 10 \"http://x.example/\\xc3\\xbc\" \
                    \"a \\\"quoted\\\\ one\"";
    assert_eq!(rest, expected);
    assert!(lines[1].ends_with("] \"HEAD /id/x HTTP/1.0\" 404 - \"-\" \"-\""), "{}", lines[1]);
    let target = fs::read_link(&link).unwrap();
    assert!(target.starts_with(place.path().join("logs")), "{target:?}");
    server.stop();
}

#[test]
fn the_log_goes_on_in_the_file_that_the_pattern_names() {
    let place = Place::new();
    let keys = "LogFile = \"access %H%M%S.log\"\nLogLinkName = current";
    let server = place.server_of(&["idpot-server", "--config", &idpot(&place, keys)]);
    let link = place.path().join("current");
    let first = fs::read_link(&link).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    let mut asked = 0;
    while fs::read_link(&link).unwrap() == first {
        assert!(Instant::now() < until, "never rotated");
        once(server.addr("idpot"), "GET", "/");
        asked += 1;
        sleep(Duration::from_millis(50));
    }
    server.stop();
    let names = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path());
    let logs = names.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let counts: Vec<usize> =
        logs.map(|path| fs::read_to_string(path).unwrap().lines().count()).collect();
    assert!(counts.len() > 1 && counts.iter().sum::<usize>() == asked, "{counts:?} of {asked}");
}

#[test]
fn without_a_log_file_the_lines_go_to_standard_error() {
    let place = Place::new();
    let server = place.server_of(&["idpot-server", "--config", &idpot(&place, "")]);
    assert_eq!(once(server.addr("idpot"), "GET", "/x").status, 404);
    server.terminate();
    let log = place.path().join("log");
    assert!(server.wait(Duration::from_secs(8)).success());
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.matches("\"GET /x HTTP/1.1\" 404 10 \"-\" \"-\"\n").count(), 1, "{text}");
}

#[test]
fn the_first_socket_of_server_starter_is_served() {
    let place = Place::new();
    let config = idpot(&place, "");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    // The shell puts the socket where a superdaemon would; it is open here all the while.
    let script = "exec 7<&0 </dev/null; exec \"$0\" idpot-server -config \"$1\"";
    let start = || {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(binary()).arg(&config).current_dir(place.path());
        command.env("SERVER_STARTER_PORT", format!("{addr}=7;/nowhere.sock=8"));
        command.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
        Server::start(command, &place.path().join("log"))
    };
    let old = start();
    assert_eq!(old.addr("idpot"), addr, "not the address of the file");
    assert_eq!(once(addr, "GET", "/").status, 404);
    let new = start();
    old.stop();
    assert_eq!(once(addr, "GET", "/").status, 404, "the next server has the same socket");
    new.stop();
}

#[test]
fn a_list_without_a_socket_is_refused() {
    let place = Place::new();
    let config = idpot(&place, "");
    for (list, said) in [("8080", "PORT=FD"), ("8080=0", "not a socket"), ("8080=99", "not a")] {
        let mut command = place.command(&["idpot-server", "-config", &config]);
        let output = command.env("SERVER_STARTER_PORT", list).output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{list}: {line}");
        assert!(line.contains(said) && line.contains("SERVER_STARTER_PORT"), "{list}: {line}");
    }
}

#[test]
fn mistakes_in_idpots_file_are_told() {
    let place = Place::new();
    let wrong = |text: &str, words: &[&str]| {
        let file = place.file("wrong.gcfg", text);
        refuses(&place, &["idpot-server", "-config", &file], words);
    };
    wrong("[Server]\nPort = 80", &["line 2", "'port'", "ConnectString"]);
    wrong("[Server]\nListen = nowhere\n[Mysql]\nPassword = hush", &["nowhere", "HOST:PORT"]);
    wrong("[Mysql]\nPassword = \"hush", &["line 2", "not closed"]);
    wrong("[Server]\nLogFile = a%\n", &["LogFile", "strftime", "%%"]);
    place.file("taken", "");
    wrong("[Server]\nLogFile = a\nLogLinkName = taken", &["LogLinkName", "symbolic link"]);
    refuses(&place, &["idpot-server"], &["idpot.gcfg", "No such file"]);
    let good = idpot(&place, "");
    refuses(&place, &["idpot-server", "-config", &good, "-speed", "9"], &["--speed"]);
    let admin = ["idpot-server", "-config", &good, "--pot-create", "admin"];
    refuses(&place, &admin, &["--admin HOST:PORT"]);
}

#[test]
fn genid_starts_on_its_file_and_continues_after_a_crash() {
    let place = Place::new();
    let file = place.file("config.json", r#"{"zone_id": 3, "dc_id": 1, "machine_id": 2}"#);
    let mut last = 0;
    for _ in 0..2 {
        let mut server = place.server_of(&["genid", "-config", &file]);
        assert!(server.tcp().ip().is_loopback());
        let mut client = GenId::connect(server.tcp()).unwrap();
        for id in client.batch(100).unwrap() {
            assert_eq!((id >> 27 & 31, id >> 24 & 7, id >> 21 & 7), (3, 1, 2));
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        server.kill();
    }
    assert!(place.store_file().exists());
    for (text, said) in [
        (r#"{"zone_id": 32}"#, "0 to 31"),
        (r#"{"dc_id": 8}"#, "0 to 7"),
        (r#"{"machine_id": -1}"#, "machine_id is -1"),
        ("{", "no JSON object"),
    ] {
        let file = place.file("wrong.json", text);
        refuses(&place, &["genid", "-config", &file], &[said]);
    }
}

#[test]
fn genid_takes_what_is_missing_as_0_and_names_what_it_does_not_know() {
    let place = Place::new();
    place.file("config.json", r#"{"speed": 9}"#);
    let server = place.server_of(&["genid"]);
    let id = GenId::connect(server.tcp()).unwrap().one().unwrap();
    assert_eq!(id >> 21 & 0x7ff, 0);
    assert!(server.log().contains("'speed'"), "{}", server.log());
}

#[test]
fn mistakes_in_idpools_file_are_told() {
    let place = Place::new();
    let dir = place.path().to_str().unwrap();
    refuses(&place, &["idpool", "-conf", dir], &["config.yaml", "No such file"]);
    place.file("config.yaml", "server:\n  http:\n    addr: 127.0.0.1:0\n");
    refuses(&place, &["idpool", "-conf", dir], &["data.mysql.dsn"]);
    place.file("config.yaml", "data:\n  mysql:\n    dsn: me:hush@tcp(127.0.0.1:1)/db?pool=9\n");
    let output = place.tool(&["idpool", "-conf", dir]);
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && !line.contains("hush"), "{line}");
    refuses(&place, &["idpool"], &["--conf"]);
}
