//! The binary dialect of GenID (victorc996/GenID), a snowflake server over TCP.
//!
//! A request is two bytes, CMD and COUNT; a connection carries any number of them, pipelined or
//! split anywhere. Ids travel big-endian.
//!
//! | request | reply |
//! |---|---|
//! | `00 xx` | 8 bytes: one id; `xx` says nothing |
//! | `01 NN` | 1 byte `NN`, then `NN` x 8 bytes |
//! | `01 00` | 1 byte `00` |
//! | any other CMD | none: the connection is closed |
//!
//! The dialect has no error code. A request that cannot be answered in time, like an unknown CMD,
//! ends with the connection closed; a reply is sent whole or not at all. Known clients read a
//! reply with a single `recv`, so it must be sent with one system call: [`ReplyEncoder`] lays it
//! out in one buffer.
//!
//! # Examples
//!
//! ```
//! use idgen_core::IdRange;
//! use idgen_wire::genid::{REPLY_MAX, ReplyEncoder, Request, RequestDecoder};
//!
//! let mut decoder = RequestDecoder::new();
//! let mut received: &[u8] = &[0x01, 0x02, 0x00]; // A batch of two, and half of a request.
//! let request = decoder.decode(&mut received)?.unwrap();
//! assert_eq!(request, Request::Batch(2));
//! assert_eq!(decoder.decode(&mut received)?, None);
//!
//! let mut buffer = [0; REPLY_MAX];
//! let mut reply = ReplyEncoder::new(request, &mut buffer)?;
//! while reply.missing() > 0 {
//!     reply.push(&IdRange::new(7, 1, reply.missing())?)?; // A generator's `take`.
//! }
//! let len = reply.finish()?;
//! assert_eq!(buffer[..len], [2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod reply;
mod request;

pub use reply::{EncodeError, ReplyDecoder, ReplyEncoder, WrongCount};
pub use request::{Request, RequestDecoder, UnknownCommand};

/// The TCP port on which the original listens unless told otherwise.
pub const DEFAULT_PORT: u16 = 3778;

/// Length of every request, in bytes.
pub const REQUEST_LEN: usize = 2;

/// Length of one id, in bytes.
pub const ID_LEN: usize = 8;

/// Length of the longest reply, in bytes: the count and 255 ids.
pub const REPLY_MAX: usize = 1 + 255 * ID_LEN;
