//! Requests: a number, a deadline and what is asked for.

use super::frame::{Fault, Frames, Writer};
use super::{NAME_MAX, REQUEST_MAX};

const IDS: u8 = 1;
const SNOWFLAKES: u8 = 2;
const HEALTH: u8 = 3;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request<'a> {
    /// How long the client will still wait, in milliseconds; the server gives up with it.
    pub deadline_ms: u32,
    /// What it asks for.
    pub ask: Ask<'a>,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask<'a> {
    /// Ids of a sequence.
    Ids {
        /// Its name, 1 to 128 bytes.
        sequence: &'a str,
        /// How many.
        count: u32,
    },
    /// Snowflakes of the server's layout.
    Snowflakes {
        /// How many.
        count: u32,
    },
    /// Whether the server would issue ids now.
    Health,
}

/// A name that no frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a sequence has 1 to {NAME_MAX} bytes, not {len}; use another")]
pub struct NameLength {
    /// The name's length, in bytes.
    pub len: usize,
}

impl Request<'_> {
    /// Writes the request as frame `number` and tells the frame's length, in bytes.
    ///
    /// A number may be used again once its reply is whole.
    ///
    /// # Errors
    ///
    /// [`NameLength`].
    pub fn encode(&self, number: u32, buffer: &mut [u8; REQUEST_MAX]) -> Result<usize, NameLength> {
        let deadline = self.deadline_ms.to_be_bytes();
        let timed = |buffer, kind| {
            let mut frame = Writer::new(buffer, number, kind);
            frame.put(&deadline);
            frame
        };
        let frame = match self.ask {
            Ask::Ids { sequence, count } => {
                let len = sequence.len();
                if !(1..=NAME_MAX).contains(&len) {
                    return Err(NameLength { len });
                }
                let mut frame = timed(buffer, IDS);
                frame.put(&count.to_be_bytes());
                frame.put(sequence.as_bytes());
                frame
            }
            Ask::Snowflakes { count } => {
                let mut frame = timed(buffer, SNOWFLAKES);
                frame.put(&count.to_be_bytes());
                frame
            }
            Ask::Health => timed(buffer, HEALTH),
        };
        Ok(frame.finish())
    }
}

/// A frame that holds no request: refuse it and go on with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// A kind that there is not.
    #[error("requests have kinds 1 to 3, not {kind}; see that the client speaks this version")]
    Kind {
        /// The kind.
        kind: u8,
    },
    /// A frame with less or more in it than its kind takes.
    #[error("{len} bytes are too few or too many for a request of kind {kind}; mend the client")]
    Length {
        /// The kind.
        kind: u8,
        /// How many bytes follow it.
        len: usize,
    },
    /// A name that is not UTF-8.
    #[error("the name of a sequence is UTF-8; mend the client")]
    Name,
}

/// The server's reader of requests, in whatever pieces they arrive.
///
/// One for each connection. It holds one frame at most, so a slow or hostile client costs
/// [`REQUEST_MAX`] bytes here.
#[derive(Debug)]
pub struct RequestDecoder {
    frames: Frames<REQUEST_MAX>,
}

impl Default for RequestDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestDecoder {
    /// A reader at the start of a connection, where the client's preamble is due.
    pub const fn new() -> Self {
        Self { frames: Frames::new() }
    }

    /// Takes bytes off the front of `bytes` until a frame is whole: its number, and its request.
    ///
    /// `None` means that all of `bytes` is taken and more must come. Call it again with the rest
    /// for the next pipelined request.
    ///
    /// # Errors
    ///
    /// [`Fault`]: answer the requests read so far, then close the connection. Every later call
    /// says the same and takes nothing.
    #[expect(clippy::type_complexity, reason = "a bad request has a number too, to be refused by")]
    pub fn decode(
        &mut self,
        bytes: &mut &[u8],
    ) -> Result<Option<(u32, Result<Request<'_>, BadRequest>)>, Fault> {
        let frame = self.frames.next(bytes)?;
        Ok(frame.map(|(number, kind, body)| (number, read(kind, body))))
    }

    /// Whether a part of the preamble or of a request is due: at the end of the stream, one was
    /// cut off.
    pub const fn is_midway(&self) -> bool {
        self.frames.is_midway()
    }
}

fn read(kind: u8, body: &[u8]) -> Result<Request<'_>, BadRequest> {
    if !(IDS..=HEALTH).contains(&kind) {
        return Err(BadRequest::Kind { kind });
    }
    let length = BadRequest::Length { kind, len: body.len() };
    let mut rest = body;
    let mut number = || {
        let (bytes, behind) = rest.split_first_chunk()?;
        rest = behind;
        Some(u32::from_be_bytes(*bytes))
    };
    let deadline_ms = number().ok_or(length)?;
    let ask = match kind {
        HEALTH => Ask::Health,
        SNOWFLAKES => Ask::Snowflakes { count: number().ok_or(length)? },
        _ => {
            let count = number().ok_or(length)?;
            let name = core::mem::take(&mut rest);
            if !(1..=NAME_MAX).contains(&name.len()) {
                return Err(length);
            }
            let sequence = core::str::from_utf8(name).map_err(|_| BadRequest::Name)?;
            Ask::Ids { sequence, count }
        }
    };
    if rest.is_empty() { Ok(Request { deadline_ms, ask }) } else { Err(length) }
}
