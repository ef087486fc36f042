//! GenID's machines against dull twins that see whole streams at once.

use idgen_core::IdRange;
use idgen_wire::genid::{
    EncodeError, REPLY_MAX, ReplyDecoder, ReplyEncoder, Request, RequestDecoder, UnknownCommand,
    WrongCount,
};
use proptest::prelude::*;

/// The dull twin of `RequestDecoder`: the whole stream in pairs.
fn requests_in_pairs(stream: &[u8]) -> (Vec<Request>, Option<UnknownCommand>) {
    let mut requests = Vec::new();
    for pair in stream.chunks(2) {
        match (pair[0], pair.get(1)) {
            (0, Some(_)) => requests.push(Request::One),
            (1, Some(&count)) => requests.push(Request::Batch(count)),
            (0 | 1, None) => {}
            (command, _) => return (requests, Some(UnknownCommand { command })),
        }
    }
    (requests, None)
}

/// The dull twin of `ReplyEncoder`.
fn reply_by_hand(request: Request, ids: &[u64]) -> Vec<u8> {
    let mut reply = Vec::new();
    if let Request::Batch(count) = request {
        reply.push(count);
    }
    for id in ids {
        reply.extend(id.to_be_bytes());
    }
    reply
}

/// Cuts `stream` at each of `cuts` (taken modulo its length), empty pieces and all.
fn split<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    at.sort_unstable();
    at.insert(0, 0);
    at.push(stream.len());
    at.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect()
}

fn decode_requests(pieces: &[&[u8]]) -> (Vec<Request>, Option<UnknownCommand>, bool) {
    let (mut decoder, mut requests) = (RequestDecoder::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(request)) => requests.push(request),
                Ok(None) => break,
                Err(unknown) => return (requests, Some(unknown), decoder.is_midway()),
            }
        }
        assert!(piece.is_empty());
    }
    (requests, None, decoder.is_midway())
}

/// Encodes a reply from ids that come in ranges of up to `most`.
fn encode(request: Request, first: u64, most: u64) -> Vec<u8> {
    let mut buffer = [0xaa; REPLY_MAX];
    let mut reply = ReplyEncoder::new(request, &mut buffer).unwrap();
    let mut next = first;
    while reply.missing() > 0 {
        let range = IdRange::new(next, 3, reply.missing().min(most)).unwrap();
        reply.push(&range).unwrap();
        next = range.last() + 3;
    }
    let len = reply.finish().unwrap();
    buffer[..len].to_vec()
}

fn ids_of(request: Request, first: u64) -> Vec<u64> {
    (0..u64::from(request.ids())).map(|index| first + 3 * index).collect()
}

fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![Just(Request::One), any::<u8>().prop_map(Request::Batch)]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..9)
}

/// Mostly well-formed streams; now and then a byte goes astray.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![20 => 0_u8..=1, 1 => any::<u8>()], 0..60)
}

proptest! {
    #[test]
    fn any_split_decodes_the_same(stream in streams(), cuts in cuts()) {
        let (twin, unknown) = requests_in_pairs(&stream);
        let midway = unknown.is_none() && stream.len() % 2 == 1;
        prop_assert_eq!(decode_requests(&split(&stream, &cuts)), (twin.clone(), unknown, midway));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(decode_requests(&bytes), (twin, unknown, midway));
    }

    #[test]
    fn requests_come_back(
        sent in prop::collection::vec(requests(), 0..40),
        cuts in cuts(),
    ) {
        let stream: Vec<u8> = sent.iter().flat_map(|request| request.encode()).collect();
        prop_assert_eq!(decode_requests(&split(&stream, &cuts)), (sent, None, false));
    }

    #[test]
    fn replies_match_the_twin(request in requests(), first in 0..u64::MAX / 2, most in 1_u64..300) {
        let reply = encode(request, first, most);
        prop_assert_eq!(reply.len(), request.reply_len());
        prop_assert_eq!(reply, reply_by_hand(request, &ids_of(request, first)));
    }

    #[test]
    fn pipelined_replies_come_back(
        sent in prop::collection::vec((requests(), 0..u64::MAX / 2), 1..9),
        cuts in cuts(),
    ) {
        let stream: Vec<u8> =
            sent.iter().flat_map(|&(request, first)| encode(request, first, 100)).collect();
        let pieces = split(&stream, &cuts);
        let mut left = pieces.iter().copied();
        let mut piece: &[u8] = &[];
        for (request, first) in sent {
            let mut reply = ReplyDecoder::new(request);
            let mut ids = Vec::new();
            loop {
                match reply.decode(&mut piece).unwrap() {
                    Some(id) => ids.push(id),
                    None if reply.is_done() => break,
                    None => piece = left.next().unwrap(),
                }
                let counted = usize::from(reply.missing()) + ids.len();
                prop_assert_eq!(counted, usize::from(request.ids()));
            }
            prop_assert_eq!(ids, ids_of(request, first));
        }
        prop_assert!(piece.is_empty() && left.all(<[u8]>::is_empty));
    }

    #[test]
    fn too_many_ids_write_nothing(request in requests(), extra in 1_u64..1000) {
        let mut buffer = [0xaa; REPLY_MAX];
        let mut reply = ReplyEncoder::new(request, &mut buffer).unwrap();
        let (missing, given) = (reply.missing(), reply.missing() + extra);
        let refused = reply.push(&IdRange::new(1, 1, given).unwrap());
        prop_assert_eq!(refused, Err(EncodeError::TooManyIds { missing, given }));
        prop_assert_eq!(reply.missing(), missing);
        let head = usize::from(matches!(request, Request::Batch(_)));
        prop_assert!(buffer[head..].iter().all(|&byte| byte == 0xaa));
    }
}

#[test]
fn a_batch_of_none_is_one_byte() {
    assert_eq!(encode(Request::Batch(0), 1, 1), [0]);
    let mut reply = ReplyDecoder::new(Request::Batch(0));
    assert!(!reply.is_done(), "the count is still to come");
    assert_eq!(reply.decode(&mut [0].as_slice()), Ok(None));
    assert!(reply.is_done());
}

#[test]
fn ids_are_big_endian_and_whole() {
    let mut buffer = [0; 8];
    let mut reply = ReplyEncoder::new(Request::One, &mut buffer).unwrap();
    reply.push(&IdRange::one(0x0102_0304_0506_0708)).unwrap();
    assert_eq!(reply.finish(), Ok(8));
    assert_eq!(buffer, [1, 2, 3, 4, 5, 6, 7, 8]);
    let mut reply = ReplyDecoder::new(Request::One);
    assert_eq!(reply.decode(&mut [0xff; 8].as_slice()), Ok(Some(u64::MAX)));
}

#[test]
fn an_unknown_command_is_seen_at_once_and_for_good() {
    let mut decoder = RequestDecoder::new();
    let mut bytes: &[u8] = &[0, 9, 2];
    assert_eq!(decoder.decode(&mut bytes), Ok(Some(Request::One)));
    let unknown = UnknownCommand { command: 2 };
    assert_eq!(decoder.decode(&mut bytes), Err(unknown), "without waiting for COUNT");
    let mut later: &[u8] = &[0, 0];
    assert_eq!(decoder.decode(&mut later), Err(unknown));
    assert_eq!(later.len(), 2, "nothing is taken after the end");
}

#[test]
fn a_short_buffer_is_refused_before_writing() {
    let mut buffer = [0xaa; 16];
    let refused = ReplyEncoder::new(Request::Batch(2), &mut buffer).unwrap_err();
    assert_eq!(refused, EncodeError::BufferTooSmall { needed: 17, given: 16 });
    assert_eq!(buffer, [0xaa; 16]);
    let mut none = [0_u8; 0];
    assert!(ReplyEncoder::new(Request::Batch(0), &mut none).is_err());
}

#[test]
fn half_a_reply_is_not_finished() {
    let mut buffer = [0; REPLY_MAX];
    let mut reply = ReplyEncoder::new(Request::Batch(3), &mut buffer).unwrap();
    reply.push(&IdRange::new(1, 1, 2).unwrap()).unwrap();
    assert_eq!(reply.finish(), Err(EncodeError::Incomplete { missing: 1 }));
}

#[test]
fn a_reply_with_a_foreign_count_is_refused_for_good() {
    let mut reply = ReplyDecoder::new(Request::Batch(2));
    let mut bytes: &[u8] = &[3, 0, 0];
    let wrong = WrongCount { asked: 2, announced: 3 };
    assert_eq!(reply.decode(&mut bytes), Err(wrong));
    assert_eq!(reply.decode(&mut bytes), Err(wrong));
    assert_eq!(bytes.len(), 2);
    assert!(!reply.is_done());
}

#[test]
fn errors_say_what_to_do_next() {
    let said = UnknownCommand { command: 0x7f }.to_string();
    assert!(said.contains("0x7f") && said.contains("close the connection"), "{said}");
    let said = EncodeError::BufferTooSmall { needed: 17, given: 16 }.to_string();
    assert!(said.contains("17") && said.contains("REPLY_MAX"), "{said}");
    let said = EncodeError::Incomplete { missing: 4 }.to_string();
    assert!(said.contains("4 ids") && said.contains("close the connection"), "{said}");
    let said = WrongCount { asked: 2, announced: 3 }.to_string();
    assert!(said.contains("announces 3") && said.contains("close the connection"), "{said}");
}
