//! The native door, by hand: who may come in, what is refused, who is shown out.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use idgen_core::Cause;
use idgen_wire::native::{Ask, PREAMBLE, REQUEST_MAX, Reply, ReplyDecoder, Request, VERSION};

use crate::harness::Place;

struct Client {
    stream: TcpStream,
    decoder: ReplyDecoder,
}

impl Client {
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        Self { stream, decoder: ReplyDecoder::new() }
    }

    /// A connection that has greeted.
    fn greeted(addr: SocketAddr) -> Self {
        let mut client = Self::connect(addr);
        client.send(&PREAMBLE);
        client
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn ask(&mut self, number: u32, ask: Ask<'_>) {
        let mut buffer = [0; REQUEST_MAX];
        let request = Request { deadline_ms: 3000, ask };
        let len = request.encode(number, &mut buffer).unwrap();
        self.send(&buffer[..len]);
    }

    /// The next reply, which must come.
    fn reply<T>(&mut self, read: impl Fn(u32, Reply<'_>) -> T) -> T {
        loop {
            let mut byte = [0];
            assert_eq!(self.stream.read(&mut byte).unwrap(), 1, "closed without a reply");
            if let Some((number, reply)) = self.decoder.decode(&mut &byte[..]).unwrap() {
                return read(number, reply);
            }
        }
    }

    fn ids(&mut self) -> (u32, Vec<u64>) {
        self.reply(|number, reply| match reply {
            Reply::Ids { ranges, more: false } => (number, ranges.flatten().collect()),
            other => panic!("no ids: {other:?}"),
        })
    }

    fn cause(&mut self) -> (u32, Cause) {
        self.reply(|number, reply| match reply {
            Reply::Refused { cause, sentence, .. } => {
                assert!(!sentence.is_empty());
                (number, cause)
            }
            other => panic!("no refusal: {other:?}"),
        })
    }

    /// What is left until the connection ends with FIN.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }
}

fn ids(sequence: &str, count: u32) -> Ask<'_> {
    Ask::Ids { sequence, count }
}

#[test]
fn requests_are_answered_by_their_numbers() {
    let place = Place::new();
    let server = place.serve();
    let mut client = Client::greeted(server.native());
    for number in [7, u32::MAX, 0] {
        client.ask(number, ids("default", 2));
    }
    // Requests that are under way together may be served and answered in any order.
    let mut answers = [client.ids(), client.ids(), client.ids()];
    answers.sort_by(|one, other| one.1.cmp(&other.1));
    let [a, b, c] = answers;
    assert_eq!([a.1, b.1, c.1], [[1, 2], [3, 4], [5, 6]]);
    assert_eq!(BTreeSet::from([a.0, b.0, c.0]), BTreeSet::from([7, u32::MAX, 0]));
    client.ask(1, Ask::Health);
    let is_ready = client.reply(|_, reply| matches!(reply, Reply::Health { is_ready: true, .. }));
    assert!(is_ready);
    client.ask(2, Ask::Snowflakes { count: 3 });
    assert_eq!(client.ids().1.len(), 3);
    client.ask(9, ids("default", 1));
    server.terminate();
    assert_eq!(client.ids(), (9, vec![7]), "what was read before the drain is answered");
    assert!(client.rest().is_empty());
    assert!(server.wait(Duration::from_secs(5)).success());
}

#[test]
fn refusals_leave_the_connection_open() {
    let place = Place::new();
    let server = place.serve();
    let mut client = Client::greeted(server.native());
    client.ask(1, ids("nobody", 1));
    assert_eq!(client.cause(), (1, Cause::Unknown));
    client.ask(2, ids("default", 0));
    assert_eq!(client.cause(), (2, Cause::BadRequest));
    client.ask(3, ids("default", u32::MAX));
    assert_eq!(client.cause(), (3, Cause::BadRequest));
    client.send(&[0, 5, 0, 0, 0, 4, 99]);
    assert_eq!(client.cause(), (4, Cause::BadRequest), "a kind that there is not");
    client.ask(5, ids("default", 1));
    assert_eq!(client.ids(), (5, vec![1]));
}

#[test]
fn strangers_are_told_what_this_is_and_shown_out() {
    let place = Place::new();
    let server = place.serve();
    let other = [&PREAMBLE[..6], &[VERSION + 1, b'\n']].concat();
    for stranger in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0], &other] {
        let mut client = Client::connect(server.native());
        client.send(stranger);
        let begun = Instant::now();
        assert_eq!(client.rest(), PREAMBLE, "{stranger:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{stranger:?}");
    }
}

#[test]
fn half_a_request_does_not_hold_a_connection_and_a_long_one_none() {
    let place = Place::new();
    let server = place.serve();
    let mut client = Client::greeted(server.native());
    client.ask(1, ids("default", 1));
    client.send(&[0, 20, 0]);
    assert_eq!(client.ids(), (1, vec![1]));
    let begun = Instant::now();
    assert!(client.rest().is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(4), "closed at once");
    let mut client = Client::greeted(server.native());
    client.send(&[0xff, 0xff]);
    let begun = Instant::now();
    assert_eq!(client.rest(), PREAMBLE);
    assert!(begun.elapsed() < Duration::from_secs(2));
}
