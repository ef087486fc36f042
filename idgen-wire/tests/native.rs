//! The native machines: what is written comes back, however it was split, and no bytes hurt.

use idgen_core::{Cause, IdRange};
use idgen_wire::native::{
    Ask, BadRequest, Fault, NAME_MAX, NameLength, PREAMBLE, REPLY_MAX, REQUEST_MAX, Reply,
    ReplyDecoder, Request, RequestDecoder, SENTENCE_MAX, VERSION, encode_health, encode_ids,
    encode_refusal,
};
use proptest::prelude::*;

/// A request that owns its name.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Ids(String, u32),
    Snowflakes(u32),
    Health,
}

impl Asked {
    fn ask(&self) -> Ask<'_> {
        match self {
            Self::Ids(sequence, count) => Ask::Ids { sequence, count: *count },
            Self::Snowflakes(count) => Ask::Snowflakes { count: *count },
            Self::Health => Ask::Health,
        }
    }

    fn of(ask: Ask<'_>) -> Self {
        match ask {
            Ask::Ids { sequence, count } => Self::Ids(sequence.to_owned(), count),
            Ask::Snowflakes { count } => Self::Snowflakes(count),
            Ask::Health => Self::Health,
        }
    }
}

/// What a frame held, owned.
type Received = (u32, Result<(u32, Asked), BadRequest>);

/// A reply that owns what it says.
#[derive(Clone, Debug, PartialEq)]
enum Answered {
    Ids(Vec<IdRange>),
    Refused(Cause, Option<u32>, String),
    Health(bool, String),
}

/// Cuts `stream` at each of `cuts` (taken modulo its length), empty pieces and all.
fn split<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    at.sort_unstable();
    at.insert(0, 0);
    at.push(stream.len());
    at.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect()
}

fn encoded(number: u32, deadline_ms: u32, asked: &Asked) -> Vec<u8> {
    let mut buffer = [0xaa; REQUEST_MAX];
    let len = Request { deadline_ms, ask: asked.ask() }.encode(number, &mut buffer).unwrap();
    buffer[..len].to_vec()
}

/// Every request of these pieces, and the fault that ends them.
fn requests_of(pieces: &[&[u8]]) -> (Vec<Received>, Option<Fault>, bool) {
    let (mut decoder, mut received) = (RequestDecoder::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some((number, request))) => received
                    .push((number, request.map(|one| (one.deadline_ms, Asked::of(one.ask))))),
                Ok(None) => break,
                Err(fault) => {
                    let left = piece.len();
                    assert_eq!(decoder.decode(&mut piece), Err(fault), "said once and forgotten");
                    assert_eq!(piece.len(), left, "something is taken after the end");
                    return (received, Some(fault), false);
                }
            }
        }
        assert!(piece.is_empty());
    }
    (received, None, decoder.is_midway())
}

/// Every frame of these pieces with whether more is to come, and the fault that ends them.
fn replies_of(pieces: &[&[u8]]) -> (Vec<(u32, Answered, bool)>, Option<Fault>) {
    let (mut decoder, mut received) = (ReplyDecoder::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some((number, reply))) => received.push(owned(number, reply)),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(decoder.decode(&mut piece), Err(fault), "said once and forgotten");
                    return (received, Some(fault));
                }
            }
        }
        assert!(piece.is_empty());
    }
    (received, None)
}

fn owned(number: u32, reply: Reply<'_>) -> (u32, Answered, bool) {
    match reply {
        Reply::Ids { ranges, more } => (number, Answered::Ids(ranges.collect()), more),
        Reply::Refused { cause, retry_after_ms, sentence } => {
            (number, Answered::Refused(cause, retry_after_ms, sentence.to_owned()), false)
        }
        Reply::Health { is_ready, sentence } => {
            (number, Answered::Health(is_ready, sentence.to_owned()), false)
        }
    }
}

/// The frames of one reply.
fn frames(number: u32, answered: &Answered) -> Vec<Vec<u8>> {
    let mut buffer = [0xaa; REPLY_MAX];
    let len = match answered {
        Answered::Ids(ranges) => return id_frames(number, ranges),
        Answered::Refused(cause, retry_after_ms, sentence) => {
            encode_refusal(number, *cause, *retry_after_ms, sentence, &mut buffer)
        }
        Answered::Health(is_ready, sentence) => {
            encode_health(number, *is_ready, sentence, &mut buffer)
        }
    };
    vec![buffer[..len].to_vec()]
}

fn id_frames(number: u32, mut ranges: &[IdRange]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        let mut buffer = [0xaa; REPLY_MAX];
        let (len, left) = encode_ids(number, ranges, &mut buffer);
        frames.push(buffer[..len].to_vec());
        if left.is_empty() {
            return frames;
        }
        ranges = left;
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let name = prop_oneof!["[a-z]{1,12}", "\\PC{1,32}"];
    prop_oneof![
        3 => (name, any::<u32>()).prop_map(|(name, count)| Asked::Ids(name, count)),
        1 => any::<u32>().prop_map(Asked::Snowflakes),
        1 => Just(Asked::Health),
    ]
}

fn range() -> impl Strategy<Value = IdRange> {
    (any::<u64>(), 1_u64.., 1_u64.., 0..64_u32).prop_map(|(start, step, len, shift)| {
        let (start, step) = (start >> shift, step >> (63 - shift / 2) | 1);
        let len = 1 + (len - 1) % ((u64::MAX - start) / step).saturating_add(1).max(1);
        IdRange::new(start, step, len).unwrap()
    })
}

fn answered() -> impl Strategy<Value = Answered> {
    let cause = prop::sample::select(Cause::ALL.to_vec());
    prop_oneof![
        3 => prop::collection::vec(range(), 1..400).prop_map(Answered::Ids),
        1 => (cause, any::<Option<u32>>(), "\\PC{0,40}")
            .prop_map(|(cause, retry, sentence)| Answered::Refused(cause, retry, sentence)),
        1 => (any::<bool>(), "\\PC{0,40}").prop_map(|(ready, why)| Answered::Health(ready, why)),
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..9)
}

/// Streams that begin well, with bytes planted anywhere behind the preamble.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let frame = prop_oneof![
        (any::<u32>(), any::<u32>(), asked()).prop_map(|(n, ms, asked)| encoded(n, ms, &asked)),
        (any::<u32>(), answered()).prop_map(|(n, answered)| frames(n, &answered).concat()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let edit = (any::<usize>(), any::<u8>());
    let parts = (prop::collection::vec(frame, 0..6), prop::collection::vec(edit, 0..4));
    parts.prop_map(|(frames, edits)| {
        let mut stream = PREAMBLE.to_vec();
        stream.extend(frames.concat());
        for (at, byte) in edits {
            let at = at % stream.len();
            stream[at] = byte;
        }
        stream
    })
}

proptest! {
    #[test]
    fn requests_come_back(
        sent in prop::collection::vec((any::<u32>(), any::<u32>(), asked()), 0..20),
        cuts in cuts(),
    ) {
        let mut stream = PREAMBLE.to_vec();
        for (number, deadline_ms, asked) in &sent {
            stream.extend(encoded(*number, *deadline_ms, asked));
        }
        let expected: Vec<Received> =
            sent.into_iter().map(|(number, ms, asked)| (number, Ok((ms, asked)))).collect();
        prop_assert_eq!(requests_of(&split(&stream, &cuts)), (expected, None, false));
    }

    #[test]
    fn replies_come_back_mixed(
        sent in prop::collection::vec(answered(), 1..6),
        cuts in cuts(),
    ) {
        let due = (0..).zip(&sent).map(|(number, answered)| frames(number, answered).into_iter());
        let mut due: Vec<_> = due.collect();
        let mut stream = PREAMBLE.to_vec();
        while due.iter().any(|frames| frames.len() > 0) {
            stream.extend(due.iter_mut().filter_map(Iterator::next).flatten());
        }
        let (received, fault) = replies_of(&split(&stream, &cuts));
        prop_assert_eq!(fault, None);
        for (number, expected) in (0_u32..).zip(&sent) {
            let own: Vec<_> = received.iter().filter(|(of, ..)| *of == number).collect();
            let last = own.iter().filter(|(.., more)| !more).count();
            prop_assert!(last == 1 && !own.last().unwrap().2, "the end is told once, at the end");
            match expected {
                Answered::Ids(ranges) => {
                    let all: Vec<IdRange> = own.iter().flat_map(|(_, answered, _)| match answered {
                        Answered::Ids(ranges) => ranges.clone(),
                        other => panic!("{other:?}"),
                    }).collect();
                    prop_assert_eq!(&all, ranges);
                }
                other => prop_assert_eq!(&own[0].1, other),
            }
        }
    }

    #[test]
    fn hostile_bytes_are_read_alike_however_they_are_split(stream in hostile(), cuts in cuts()) {
        let pieces = split(&stream, &cuts);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        let (requests, fault, _) = requests_of(&[&stream]);
        let split = requests_of(&pieces);
        prop_assert_eq!((&requests, &fault), (&split.0, &split.1));
        let single = requests_of(&bytes);
        prop_assert_eq!((&requests, &fault), (&single.0, &single.1));
        let replies = replies_of(&[&stream]);
        prop_assert_eq!(&replies, &replies_of(&pieces));
        prop_assert_eq!(&replies, &replies_of(&bytes));
    }

    #[test]
    fn noise_is_no_native_protocol(stream in prop::collection::vec(any::<u8>(), 1..64)) {
        prop_assume!(!PREAMBLE.starts_with(&stream[..stream.len().min(6)]));
        prop_assert_eq!(requests_of(&[&stream]), (vec![], Some(Fault::NotNative), false));
        prop_assert_eq!(replies_of(&[&stream]), (vec![], Some(Fault::NotNative)));
    }
}

#[test]
fn a_stranger_is_refused_at_its_first_byte() {
    for stranger in [&b"GET / HTTP/1.1\r\n"[..], &[0, 0], &[1], b"idgem"] {
        assert_eq!(requests_of(&[stranger]).1, Some(Fault::NotNative), "{stranger:?}");
    }
    for slow in 1..PREAMBLE.len() {
        assert_eq!(requests_of(&[&PREAMBLE[..slow]]), (vec![], None, true));
    }
    assert!(RequestDecoder::new().is_midway(), "the preamble is due");
}

#[test]
fn another_version_is_told() {
    let theirs = VERSION + 1;
    let preamble = [&PREAMBLE[..6], &[theirs, b'\n']].concat();
    let fault = Fault::Version { theirs };
    assert_eq!(requests_of(&[&preamble]).1, Some(fault));
    assert_eq!(replies_of(&[&preamble]).1, Some(fault));
    // The first wrong byte decides, however many came at once.
    let wrong_end = [&PREAMBLE[..6], &[theirs, 0]].concat();
    assert_eq!(requests_of(&[&wrong_end]).1, Some(fault));
    assert_eq!(requests_of(&[&wrong_end[..7], &wrong_end[7..]]).1, Some(fault));
    let said = fault.to_string();
    assert!(said.contains("version 2") && said.contains("version 1"), "{said}");
}

#[test]
fn a_client_knows_when_the_server_has_greeted() {
    let mut decoder = ReplyDecoder::new();
    assert_eq!(decoder.decode(&mut &PREAMBLE[..7]), Ok(None));
    assert!(!decoder.is_greeted());
    assert_eq!(decoder.decode(&mut &PREAMBLE[7..]), Ok(None));
    assert!(decoder.is_greeted());
}

#[test]
fn lengths_out_of_bounds_end_the_connection() {
    let longest_request = u16::try_from(REQUEST_MAX - 2).unwrap();
    for len in [0, 4, longest_request + 1, u16::MAX] {
        let stream = [&PREAMBLE[..], &len.to_be_bytes()].concat();
        assert_eq!(requests_of(&[&stream]).1, Some(Fault::FrameLength { len }), "{len}");
    }
    let len = u16::try_from(REPLY_MAX - 1).unwrap();
    let stream = [&PREAMBLE[..], &len.to_be_bytes()].concat();
    assert_eq!(replies_of(&[&stream]).1, Some(Fault::FrameLength { len }));
}

/// A frame by hand.
fn frame(number: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let rest = [&number.to_be_bytes()[..], &[kind], body].concat();
    [&u16::try_from(rest.len()).unwrap().to_be_bytes()[..], &rest].concat()
}

#[test]
fn a_bad_request_keeps_its_number_and_its_connection() {
    let name = |len| [&[0; 8][..], &vec![b'x'; len]].concat();
    let mut stream = PREAMBLE.to_vec();
    let bad: [(u8, &[u8], BadRequest); 7] = [
        (0, &[0; 8], BadRequest::Kind { kind: 0 }),
        (4, &[0; 4], BadRequest::Kind { kind: 4 }),
        (1, &[0; 7], BadRequest::Length { kind: 1, len: 7 }),
        (1, &name(0), BadRequest::Length { kind: 1, len: 8 }),
        (1, &[0, 0, 0, 0, 0, 0, 0, 1, 0xff], BadRequest::Name),
        (2, &name(1), BadRequest::Length { kind: 2, len: 9 }),
        (3, &[], BadRequest::Length { kind: 3, len: 0 }),
    ];
    let mut expected: Vec<Received> = Vec::new();
    for (number, (kind, body, error)) in (0..).zip(bad) {
        stream.extend(frame(number, kind, body));
        expected.push((number, Err(error)));
    }
    stream.extend(encoded(9, 5, &Asked::Health));
    expected.push((9, Ok((5, Asked::Health))));
    assert_eq!(requests_of(&[&stream]), (expected, None, false));
}

#[test]
fn names_of_up_to_128_bytes_are_carried() {
    let longest = Asked::Ids("x".repeat(NAME_MAX), 1);
    assert_eq!(encoded(1, 2, &longest).len(), REQUEST_MAX);
    for len in [0, NAME_MAX + 1] {
        let name = "x".repeat(len);
        let ask = Ask::Ids { sequence: &name, count: 1 };
        let refused = Request { deadline_ms: 1, ask }.encode(1, &mut [0; REQUEST_MAX]);
        assert_eq!(refused, Err(NameLength { len }));
    }
}

#[test]
fn replies_that_say_nothing_end_the_connection() {
    let bodies: [(u8, &[u8]); 9] = [
        (0, &[]),
        (5, &[1]),
        (1, &[1, 1]),             // No length.
        (1, &[1, 0, 1]),          // No step.
        (2, &[1, 1, 0]),          // No id.
        (1, &[0x81, 0x00, 1, 1]), // Not the shortest form.
        (3, &[0, 0]),             // No such cause.
        (3, &[1, 1, 0, 0]),       // Half a number.
        (4, &[2]),                // Neither ready nor not.
    ];
    for (kind, body) in bodies {
        let stream = [&PREAMBLE[..], &frame(7, kind, body)].concat();
        assert_eq!(replies_of(&[&stream]).1, Some(Fault::Reply { number: 7 }), "{kind} {body:?}");
    }
}

#[test]
fn a_thousand_ids_are_a_few_bytes() {
    let range = IdRange::new(1_000_000_000, 1, 1000).unwrap();
    assert_eq!(id_frames(1, &[range]).concat().len(), 15);
    assert_eq!(id_frames(1, &[]), [frame(1, 1, &[])], "no ids are one empty frame");
}

#[test]
fn a_long_sentence_is_cut_between_characters() {
    let long = format!("{}\u{e4}", "x".repeat(SENTENCE_MAX - 1));
    let mut buffer = [0; REPLY_MAX];
    let len = encode_refusal(3, Cause::Unknown, Some(9), &long, &mut buffer);
    let stream = [&PREAMBLE[..], &buffer[..len]].concat();
    let (received, _) = replies_of(&[&stream]);
    let sentence = "x".repeat(SENTENCE_MAX - 1);
    assert_eq!(received, [(3, Answered::Refused(Cause::Unknown, Some(9), sentence), false)]);
}

#[test]
fn errors_say_what_to_do_next() {
    for fault in [Fault::NotNative, Fault::FrameLength { len: 3 }, Fault::Reply { number: 4 }] {
        assert!(fault.to_string().contains("close the connection"), "{fault}");
    }
    let bad = [BadRequest::Kind { kind: 9 }, BadRequest::Length { kind: 1, len: 2 }];
    for bad in bad.into_iter().chain([BadRequest::Name]) {
        let said = bad.to_string();
        assert!(said.contains("the client"), "{said}");
    }
}
