//! Frames: where one ends and the next begins, in whatever pieces they arrive.

use super::{PREAMBLE, VERSION};

/// Bytes of a frame's length.
const LEN: usize = 2;

/// Bytes of every frame: its length, its number and its kind.
pub(super) const HEAD: usize = LEN + 4 + 1;

/// Where the version stands in the preamble.
const VERSION_AT: usize = 6;

/// Why a connection is of no more use: close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first bytes are not those of this dialect.
    #[error(
        "the peer does not speak idgen's native protocol; close the connection and see that both \
         sides mean the port of --native"
    )]
    NotNative,
    /// The peer speaks another version.
    #[error(
        "the peer speaks version {theirs} of the native protocol and this side version {VERSION}; \
         close the connection and run the same version of idgen on both"
    )]
    Version {
        /// The peer's version.
        theirs: u8,
    },
    /// A frame shorter or longer than any.
    #[error(
        "a frame of {len} bytes is none of the native protocol; close the connection and report \
         this defect of the peer"
    )]
    FrameLength {
        /// How many bytes were to follow the length.
        len: u16,
    },
    /// A reply that says nothing.
    #[error(
        "the reply to request {number} cannot be read; close the connection and report this defect \
         of the server"
    )]
    Reply {
        /// The number of the request.
        number: u32,
    },
}

/// A frame's number, its kind and what follows.
type Frame<'a> = (u32, u8, &'a [u8]);

/// The reader of a stream's frames, of up to `MAX` bytes each, behind the preamble.
#[derive(Debug)]
pub(super) struct Frames<const MAX: usize> {
    held: [u8; MAX],
    filled: usize,
    is_greeted: bool,
    fault: Option<Fault>,
}

impl<const MAX: usize> Frames<MAX> {
    pub(super) const fn new() -> Self {
        Self { held: [0; MAX], filled: 0, is_greeted: false, fault: None }
    }

    /// Whether the preamble has been read.
    pub(super) const fn is_greeted(&self) -> bool {
        self.is_greeted
    }

    /// Whether a part of the preamble or of a frame is due.
    pub(super) const fn is_midway(&self) -> bool {
        !self.is_greeted || self.filled > 0
    }

    /// The next whole frame.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame<'_>>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let len = match self.advance(bytes) {
            Ok(Some(len)) => len,
            Ok(None) => return Ok(None),
            Err(fault) => {
                self.fault = Some(fault);
                return Err(fault);
            }
        };
        self.filled = 0;
        match &self.held[LEN..len] {
            [a, b, c, d, kind, body @ ..] => {
                Ok(Some((u32::from_be_bytes([*a, *b, *c, *d]), *kind, body)))
            }
            _ => Ok(None),
        }
    }

    /// The length of the frame that is whole now.
    fn advance(&mut self, bytes: &mut &[u8]) -> Result<Option<usize>, Fault> {
        if !self.is_greeted {
            let is_whole = self.fill(PREAMBLE.len(), bytes);
            self.check_preamble()?;
            if !is_whole {
                return Ok(None);
            }
            (self.is_greeted, self.filled) = (true, 0);
        }
        if !self.fill(LEN, bytes) {
            return Ok(None);
        }
        let len = u16::from_be_bytes([self.held[0], self.held[1]]);
        let whole = LEN + usize::from(len);
        if !(HEAD..=MAX).contains(&whole) {
            return Err(Fault::FrameLength { len });
        }
        Ok(self.fill(whole, bytes).then_some(whole))
    }

    /// Holds `most` bytes if there are so many.
    fn fill(&mut self, most: usize, bytes: &mut &[u8]) -> bool {
        let missing = most.saturating_sub(self.filled);
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        self.held[self.filled..self.filled + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        *bytes = rest;
        self.filled >= most
    }

    /// Refuses a stranger at its first wrong byte: it may never send another.
    fn check_preamble(&self) -> Result<(), Fault> {
        let held = &self.held[..self.filled];
        match held.iter().zip(&PREAMBLE).position(|(held, due)| held != due) {
            None => Ok(()),
            Some(VERSION_AT) => Err(Fault::Version { theirs: held[VERSION_AT] }),
            Some(_) => Err(Fault::NotNative),
        }
    }
}

/// The writer of one frame into a buffer that holds the longest.
pub(super) struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(buffer: &'a mut [u8], number: u32, kind: u8) -> Self {
        let mut writer = Self { buffer, at: LEN };
        writer.put(&number.to_be_bytes());
        writer.put(&[kind]);
        writer
    }

    /// How many bytes still fit.
    pub(super) const fn room(&self) -> usize {
        self.buffer.len() - self.at
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Changes the kind of the frame.
    pub(super) fn set_kind(&mut self, kind: u8) {
        self.buffer[HEAD - 1] = kind;
    }

    /// The length of the whole frame.
    pub(super) fn finish(self) -> usize {
        // A buffer is far shorter than 64 KiB.
        let [.., high, low] = (self.at - LEN).to_be_bytes();
        self.buffer[..LEN].copy_from_slice(&[high, low]);
        self.at
    }
}
