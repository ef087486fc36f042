//! Requests: two bytes each way.

use super::{ID_LEN, REQUEST_LEN};

const CMD_ONE: u8 = 0x00;
const CMD_BATCH: u8 = 0x01;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// One id, answered without a count.
    One,
    /// This many ids, 0 to 255, answered with the count in front.
    Batch(u8),
}

impl Request {
    /// How many ids the reply carries, 0 to 255.
    pub const fn ids(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Batch(count) => count,
        }
    }

    /// Length of the reply in bytes; at most [`REPLY_MAX`](super::REPLY_MAX).
    pub const fn reply_len(self) -> usize {
        match self {
            Self::One => ID_LEN,
            // `usize::from` is not const; u8 to usize loses nothing.
            Self::Batch(count) => 1 + count as usize * ID_LEN,
        }
    }

    /// The request as a client sends it.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_wire::genid::Request;
    /// assert_eq!(Request::One.encode(), [0x00, 0x00]);
    /// assert_eq!(Request::Batch(255).encode(), [0x01, 0xff]);
    /// ```
    pub const fn encode(self) -> [u8; REQUEST_LEN] {
        match self {
            Self::One => [CMD_ONE, 0],
            Self::Batch(count) => [CMD_BATCH, count],
        }
    }
}

/// A first byte that begins no request: close the connection without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "CMD {command:#04x} is none of GenID's (0x00 one id, 0x01 a batch); close the connection and \
     see that the client speaks GenID"
)]
pub struct UnknownCommand {
    /// The byte that stood where a CMD was due.
    pub command: u8,
}

#[derive(Clone, Copy, Debug, Default)]
enum Awaits {
    #[default]
    Command,
    /// COUNT of a request for one id, whatever it says.
    AnyCount,
    BatchCount,
    /// Nothing more: the stream is out of step for good.
    Close(UnknownCommand),
}

/// The server's reader of requests, in whatever pieces they arrive.
///
/// One for each connection. It keeps at most one byte's worth of state and never more input than
/// that, so a slow or hostile client costs nothing here.
#[derive(Debug, Default)]
pub struct RequestDecoder {
    awaits: Awaits,
}

impl RequestDecoder {
    /// A reader at the start of a connection.
    pub const fn new() -> Self {
        Self { awaits: Awaits::Command }
    }

    /// Takes bytes off the front of `bytes` until a request is whole.
    ///
    /// `None` means that all of `bytes` is taken and more must come. Call it again with the rest
    /// for the next pipelined request.
    ///
    /// # Errors
    ///
    /// [`UnknownCommand`]: answer the requests read so far, then close the connection. Every later
    /// call says the same and takes nothing.
    #[inline]
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Request>, UnknownCommand> {
        if let Awaits::Close(unknown) = self.awaits {
            return Err(unknown);
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            if let Some(request) = self.step(byte)? {
                return Ok(Some(request));
            }
        }
        Ok(None)
    }

    /// Whether half of a request has arrived: at the end of the stream, one was cut off.
    pub const fn is_midway(&self) -> bool {
        matches!(self.awaits, Awaits::AnyCount | Awaits::BatchCount)
    }

    #[inline]
    fn step(&mut self, byte: u8) -> Result<Option<Request>, UnknownCommand> {
        let (awaits, request) = match (self.awaits, byte) {
            (Awaits::Command, CMD_ONE) => (Awaits::AnyCount, Ok(None)),
            (Awaits::Command, CMD_BATCH) => (Awaits::BatchCount, Ok(None)),
            (Awaits::Command, command) => {
                let unknown = UnknownCommand { command };
                (Awaits::Close(unknown), Err(unknown))
            }
            (Awaits::AnyCount, _) => (Awaits::Command, Ok(Some(Request::One))),
            (Awaits::BatchCount, count) => (Awaits::Command, Ok(Some(Request::Batch(count)))),
            (Awaits::Close(unknown), _) => (Awaits::Close(unknown), Err(unknown)),
        };
        self.awaits = awaits;
        request
    }
}
