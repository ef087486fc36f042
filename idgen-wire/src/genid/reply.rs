//! Replies: one contiguous run of bytes from the server, ids one by one for the client.

use idgen_core::IdRange;

use super::{ID_LEN, Request};

/// Why a reply cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The buffer cannot hold the reply.
    #[error("the reply takes {needed} bytes and the buffer has {given}; give it REPLY_MAX")]
    BufferTooSmall {
        /// Length of the reply, in bytes.
        needed: usize,
        /// Length of the buffer, in bytes.
        given: usize,
    },
    /// A range of more ids than the request still lacks. None of it was written.
    #[error("{given} ids were pushed and {missing} are missing; take at most missing() ids")]
    TooManyIds {
        /// How many ids the reply still lacked.
        missing: u64,
        /// How many the range holds.
        given: u64,
    },
    /// A reply that still lacks ids must not be sent.
    #[error("the reply lacks {missing} ids; push them, or close the connection unanswered")]
    Incomplete {
        /// How many ids are missing.
        missing: u64,
    },
}

/// The server's writer of one reply into the caller's buffer.
///
/// Ids come as ranges, as generators yield them: push until none is [missing](Self::missing), then
/// [`finish`](Self::finish) and send the bytes with one system call. Replies to pipelined requests
/// may be laid out one behind the other and sent together.
#[derive(Debug)]
pub struct ReplyEncoder<'a> {
    reply: &'a mut [u8],
    /// Where the next id goes: below the end by a multiple of `ID_LEN`.
    at: usize,
}

impl<'a> ReplyEncoder<'a> {
    /// A reply to `request` at the front of `buffer`, with its ids still missing.
    ///
    /// [`REPLY_MAX`](super::REPLY_MAX) bytes are enough for any reply.
    ///
    /// # Errors
    ///
    /// [`EncodeError::BufferTooSmall`].
    #[inline]
    pub fn new(request: Request, buffer: &'a mut [u8]) -> Result<Self, EncodeError> {
        let (needed, given) = (request.reply_len(), buffer.len());
        let too_small = EncodeError::BufferTooSmall { needed, given };
        let reply = buffer.get_mut(..needed).ok_or(too_small)?;
        let at = match request {
            Request::One => 0,
            Request::Batch(count) => {
                reply[0] = count;
                1
            }
        };
        Ok(Self { reply, at })
    }

    /// How many ids the reply still lacks, 0 to 255.
    #[inline]
    pub const fn missing(&self) -> u64 {
        ((self.reply.len() - self.at) / ID_LEN) as u64
    }

    /// Writes the ids of `range` in rising order.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooManyIds`]; nothing is written and the range is still the caller's.
    #[inline]
    pub fn push(&mut self, range: &IdRange) -> Result<(), EncodeError> {
        let (missing, given) = (self.missing(), range.len());
        if given > missing {
            return Err(EncodeError::TooManyIds { missing, given });
        }
        let places = self.reply[self.at..].chunks_exact_mut(ID_LEN);
        for (place, id) in places.zip(range) {
            place.copy_from_slice(&id.to_be_bytes());
            self.at += ID_LEN;
        }
        Ok(())
    }

    /// The length of the whole reply, in bytes from the front of the buffer.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Incomplete`] if ids are missing: a part of a reply must not be sent.
    #[inline]
    pub const fn finish(self) -> Result<usize, EncodeError> {
        match self.missing() {
            0 => Ok(self.reply.len()),
            missing => Err(EncodeError::Incomplete { missing }),
        }
    }
}

/// A batch reply whose count is not the one that was asked for: the stream is out of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{asked} ids were asked for and the reply announces {announced}; close the connection and see \
     that the server speaks GenID"
)]
pub struct WrongCount {
    /// The count of the request.
    pub asked: u8,
    /// The count in front of the reply.
    pub announced: u8,
}

/// The client's reader of one reply, in whatever pieces it arrives.
///
/// Pipelined replies take one reader each, in the order of their requests.
///
/// # Examples
///
/// ```
/// use idgen_wire::genid::{ReplyDecoder, Request};
/// let mut reply = ReplyDecoder::new(Request::One);
/// let (mut head, mut tail): (&[u8], &[u8]) = (&[0; 7], &[42]);
/// assert_eq!(reply.decode(&mut head)?, None);
/// assert_eq!(reply.decode(&mut tail)?, Some(42));
/// assert!(reply.is_done());
/// # Ok::<(), idgen_wire::genid::WrongCount>(())
/// ```
#[derive(Debug)]
pub struct ReplyDecoder {
    /// The count that is due in front of the ids.
    head: Option<u8>,
    missing: u8,
    /// The bytes of one id that have arrived, shifted in from the right.
    id: u64,
    id_bytes: usize,
    wrong: Option<WrongCount>,
}

impl ReplyDecoder {
    /// A reader of the reply to `request`.
    pub const fn new(request: Request) -> Self {
        let head = match request {
            Request::One => None,
            Request::Batch(count) => Some(count),
        };
        Self { head, missing: request.ids(), id: 0, id_bytes: 0, wrong: None }
    }

    /// Takes bytes off the front of `bytes` until an id is whole.
    ///
    /// `None` means that the reply [is done](Self::is_done), with what follows it left in `bytes`,
    /// or that all of `bytes` is taken and more must come.
    ///
    /// # Errors
    ///
    /// [`WrongCount`]: close the connection, no id of this reply may be used. Every later call
    /// says the same and takes nothing.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<u64>, WrongCount> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if let Some(asked) = self.head {
            let Some(announced) = take_byte(bytes) else { return Ok(None) };
            self.begin(asked, announced)?;
        }
        while self.missing > 0 {
            let Some(byte) = take_byte(bytes) else { return Ok(None) };
            self.id = self.id << 8 | u64::from(byte);
            self.id_bytes += 1;
            if self.id_bytes == ID_LEN {
                self.id_bytes = 0;
                self.missing -= 1;
                return Ok(Some(self.id));
            }
        }
        Ok(None)
    }

    /// How many ids are still to come, 0 to 255.
    pub const fn missing(&self) -> u8 {
        self.missing
    }

    /// Whether the whole reply has been read.
    pub const fn is_done(&self) -> bool {
        self.missing == 0 && self.head.is_none() && self.wrong.is_none()
    }

    fn begin(&mut self, asked: u8, announced: u8) -> Result<(), WrongCount> {
        if announced != asked {
            let wrong = WrongCount { asked, announced };
            self.wrong = Some(wrong);
            return Err(wrong);
        }
        self.head = None;
        Ok(())
    }
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}
