//! Replies: ranges of ids, a refusal with its cause, or how the server is.

use idgen_core::{Cause, IdRange};

use super::frame::{Fault, Frames, HEAD, Writer};
use super::{REPLY_MAX, SENTENCE_MAX, varint};

const LAST_IDS: u8 = 1;
const MORE_IDS: u8 = 2;
const REFUSED: u8 = 3;
const HEALTH: u8 = 4;

/// One frame of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Ids, in rising order as far as the server promises it.
    Ids {
        /// The ranges of this frame.
        ranges: Ranges<'a>,
        /// Whether the same reply goes on in another frame.
        more: bool,
    },
    /// There are none.
    Refused {
        /// Why, in one word.
        cause: Cause,
        /// When asking again may help, in milliseconds from now.
        retry_after_ms: Option<u32>,
        /// Why, and what to do.
        sentence: &'a str,
    },
    /// How the server is.
    Health {
        /// Whether it would issue ids now.
        is_ready: bool,
        /// What keeps it from that.
        sentence: &'a str,
    },
}

/// The ranges of one frame, checked already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges<'a> {
    bytes: &'a [u8],
}

impl Iterator for Ranges<'_> {
    type Item = IdRange;

    fn next(&mut self) -> Option<IdRange> {
        let mut number = || varint::take(&mut self.bytes);
        let (start, step, len) = (number()?, number()?, number()?);
        IdRange::new(start, step, len).ok()
    }
}

impl<'a> Ranges<'a> {
    /// Those of a frame, if it holds ranges to its end.
    fn checked(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Self { bytes };
        while !rest.bytes.is_empty() {
            rest.next()?;
        }
        Some(Self { bytes })
    }
}

/// Writes as many ranges as one frame of reply `number` takes; tells the frame's length in bytes
/// and the ranges that are left for further frames.
///
/// Call it again with those that are left, until none is. Frames of other replies may come between.
pub fn encode_ids<'r>(
    number: u32,
    ranges: &'r [IdRange],
    buffer: &mut [u8; REPLY_MAX],
) -> (usize, &'r [IdRange]) {
    let mut frame = Writer::new(buffer, number, LAST_IDS);
    let mut left = ranges;
    let mut form = [0; varint::MAX];
    while let Some((range, rest)) = left.split_first() {
        if frame.room() < 3 * varint::MAX {
            frame.set_kind(MORE_IDS);
            break;
        }
        for value in [range.start(), range.step(), range.len()] {
            let len = varint::put(value, &mut form);
            frame.put(&form[..len]);
        }
        left = rest;
    }
    (frame.finish(), left)
}

/// Writes reply `number`, a refusal, and tells the frame's length in bytes.
///
/// A sentence beyond [`SENTENCE_MAX`] is cut.
pub fn encode_refusal(
    number: u32,
    cause: Cause,
    retry_after_ms: Option<u32>,
    sentence: &str,
    buffer: &mut [u8; REPLY_MAX],
) -> usize {
    let mut frame = Writer::new(buffer, number, REFUSED);
    frame.put(&[cause.number(), retry_after_ms.is_some().into()]);
    if let Some(wait_ms) = retry_after_ms {
        frame.put(&wait_ms.to_be_bytes());
    }
    frame.put(cut(sentence).as_bytes());
    frame.finish()
}

/// Writes reply `number`, how the server is, and tells the frame's length in bytes.
///
/// A sentence beyond [`SENTENCE_MAX`] is cut.
pub fn encode_health(
    number: u32,
    is_ready: bool,
    sentence: &str,
    buffer: &mut [u8; REPLY_MAX],
) -> usize {
    let mut frame = Writer::new(buffer, number, HEALTH);
    frame.put(&[is_ready.into()]);
    frame.put(cut(sentence).as_bytes());
    frame.finish()
}

fn cut(sentence: &str) -> &str {
    &sentence[..sentence.floor_char_boundary(SENTENCE_MAX)]
}

/// The client's reader of replies, in whatever pieces they arrive.
///
/// One for each connection. It holds one frame at most, [`REPLY_MAX`] bytes.
#[derive(Debug)]
pub struct ReplyDecoder {
    frames: Frames<REPLY_MAX>,
    fault: Option<Fault>,
}

impl Default for ReplyDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplyDecoder {
    /// A reader at the start of a connection, where the server's preamble is due.
    pub const fn new() -> Self {
        Self { frames: Frames::new(), fault: None }
    }

    /// Takes bytes off the front of `bytes` until a frame is whole: its number, and its reply.
    ///
    /// `None` means that all of `bytes` is taken and more must come.
    ///
    /// # Errors
    ///
    /// [`Fault`]: close the connection. Every later call says the same and takes nothing.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<(u32, Reply<'_>)>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let Some((number, kind, body)) = self.frames.next(bytes)? else { return Ok(None) };
        if let Some(reply) = read(kind, body) {
            return Ok(Some((number, reply)));
        }
        let fault = Fault::Reply { number };
        self.fault = Some(fault);
        Err(fault)
    }

    /// Whether the server's preamble has been read: it speaks this version.
    pub const fn is_greeted(&self) -> bool {
        self.frames.is_greeted()
    }
}

fn read(kind: u8, body: &[u8]) -> Option<Reply<'_>> {
    match kind {
        LAST_IDS | MORE_IDS => {
            Some(Reply::Ids { ranges: Ranges::checked(body)?, more: kind == MORE_IDS })
        }
        REFUSED => {
            let (&[cause, has_retry], rest) = body.split_first_chunk()?;
            let (retry_after_ms, text) = match has_retry {
                0 => (None, rest),
                1 => {
                    let (wait_ms, text) = rest.split_first_chunk()?;
                    (Some(u32::from_be_bytes(*wait_ms)), text)
                }
                _ => return None,
            };
            let cause = Cause::numbered(cause)?;
            Some(Reply::Refused { cause, retry_after_ms, sentence: sentence(text)? })
        }
        HEALTH => {
            let (&ready, text) = body.split_first()?;
            let is_ready = matches!(ready, 1);
            (ready <= 1).then_some(())?;
            Some(Reply::Health { is_ready, sentence: sentence(text)? })
        }
        _ => None,
    }
}

fn sentence(text: &[u8]) -> Option<&str> {
    core::str::from_utf8(text).ok().filter(|text| text.len() <= SENTENCE_MAX)
}

const _: () = assert!(HEAD + 6 + SENTENCE_MAX <= REPLY_MAX && HEAD + 3 * varint::MAX <= REPLY_MAX);
