//! idgen's own binary dialect: ids of any sequence, snowflakes, and why there are none.
//!
//! Both sides begin with a [preamble](PREAMBLE) of 8 bytes that names the dialect and its version;
//! neither waits for the other's. Whoever reads another one closes the connection. Then requests
//! go one way and replies the other, in frames: a length, a number that the client chooses, a
//! kind, and what the kind needs. The number ties a reply to its request, so that any number of
//! requests may be under way and a slow one delays no other. Numbers are big-endian; those of a
//! range are written in seven bits a byte, the low ones first, so that a reply of a thousand ids
//! takes about fifteen bytes.
//!
//! | frame | bytes behind the length (2 bytes: how many follow) |
//! |---|---|
//! | ids of a sequence | number 4, kind `01`, deadline 4, count 4, name 1 to 128 |
//! | snowflakes | number 4, kind `02`, deadline 4, count 4 |
//! | health | number 4, kind `03`, deadline 4 |
//! | ids, the last of them | number 4, kind `01`, ranges: start, step, length of each |
//! | ids, and more in another frame | number 4, kind `02`, ranges |
//! | refused | number 4, kind `03`, cause 1, retry (`00`, or `01` and 4), a sentence |
//! | health | number 4, kind `04`, ready `00` or `01`, a sentence |
//!
//! Deadlines are the milliseconds that the client will still wait; the server gives up with it.
//! Retry is the milliseconds after which asking again may help. A request that cannot be read but
//! whose frame is whole is refused; where frames begin and end is then still known. Any other
//! [`Fault`] ends the connection.
//!
//! # Examples
//!
//! ```
//! use idgen_core::IdRange;
//! use idgen_wire::native::{
//!     Ask, PREAMBLE, REPLY_MAX, REQUEST_MAX, Reply, ReplyDecoder, Request, RequestDecoder,
//!     encode_ids,
//! };
//!
//! // The client asks.
//! let ask = Ask::Ids { sequence: "orders", count: 1000 };
//! let request = Request { deadline_ms: 500, ask };
//! let mut buffer = [0; REQUEST_MAX];
//! let len = request.encode(7, &mut buffer)?;
//! let sent = [&PREAMBLE, &buffer[..len]].concat();
//!
//! // The server reads and answers.
//! let mut server = RequestDecoder::new();
//! assert_eq!(server.decode(&mut &sent[..])?, Some((7, Ok(request))));
//! let ranges = [IdRange::new(1, 1, 1000)?];
//! let mut buffer = [0; REPLY_MAX];
//! let (len, rest) = encode_ids(7, &ranges, &mut buffer);
//! assert!(rest.is_empty() && len < 20);
//! let answered = [&PREAMBLE, &buffer[..len]].concat();
//!
//! // The client reads.
//! let mut client = ReplyDecoder::new();
//! let Some((7, Reply::Ids { ranges: answer, more: false })) = client.decode(&mut &answered[..])?
//! else {
//!     panic!("no ids");
//! };
//! assert!(answer.eq(ranges));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod frame;
mod reply;
mod request;
mod varint;

pub use frame::Fault;
pub use reply::{Ranges, Reply, ReplyDecoder, encode_health, encode_ids, encode_refusal};
pub use request::{Ask, BadRequest, NameLength, Request, RequestDecoder};

/// The TCP port on which a server listens unless told otherwise.
pub const DEFAULT_PORT: u16 = 3779;

/// The version of the dialect that this crate speaks.
pub const VERSION: u8 = 1;

/// What both sides send first: the dialect's name, its version and a line's end.
pub const PREAMBLE: [u8; 8] = [b'i', b'd', b'g', b'e', b'n', b'/', VERSION, b'\n'];

/// Length of the longest name of a sequence, in bytes.
pub const NAME_MAX: usize = 128;

/// Length of the longest sentence of a reply, in bytes; a longer one is cut between two characters.
pub const SENTENCE_MAX: usize = 1024;

/// Length of the longest frame of a request, in bytes.
pub const REQUEST_MAX: usize = frame::HEAD + 4 + 4 + NAME_MAX;

/// Length of the longest frame of a reply, in bytes.
pub const REPLY_MAX: usize = 4096;
