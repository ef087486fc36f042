//! Many doors onto one answer.
//!
//! A door turns one dialect's bytes into a [`Request`] and the answer's [`Reply`] or [`Refusal`]
//! back into bytes. What is answered is decided in one place, [`Desk::answer`], so that every
//! dialect has the same ids, the same causes and the same deadlines.
//!
//! ```text
//!   HTTP ---- idpool ----+
//!        \--- idpot -----+
//!        \--- native ----+
//!   HTTP ---- admin -----+--> Desk::answer() --> idgen_runtime
//!   TCP ----- GenID -----+
//!   TCP ----- native ----+
//!   HTTP ---- artisanal -+
//!   TCP ----- artisanal -+
//!   HTTP ---- sequence --+
//! ```
//!
//! | door | listener | what it answers |
//! |---|---|---|
//! | idpool | data | `POST /api/v1/newID`, byte for byte as the original |
//! | idpot | data | `/id/...`, `/pot/...`, success byte for byte as the original |
//! | native | data | `/v1/...`, ids as JSON strings, refusals as RFC 9457 problems |
//! | health | data and admin | `/healthz`, `/readyz` |
//! | admin | admin only | `/admin/v1/sequences...`, to look at and change them |
//! | GenID | its own TCP port | two-byte requests, big-endian ids |
//! | native | its own TCP port | ids and causes in idgen's own frames, many requests at a time |
//! | artisanal | its own HTTP port | GET or POST on `/`: one integer in decimal |
//! | artisanal | its own TCP port | one integer and a newline for each connection |
//! | sequence | its own HTTP port | `GET /sequence`: the number of this process |
//! | idpool, idpot | a port of its own, if wished | nothing but that dialect |
//!
//! A [`Server`] takes listeners that are bound already, and drains: it stops accepting, answers
//! what has been read, stops the runtime and ends every connection with FIN, all in bounded time.

mod access;
mod answer;
mod artisanal;
mod date;
mod door;
mod genid;
mod http;
mod native;
mod peers;
mod refusal;
mod server;
mod settings;
mod token;

pub use access::{Access, AccessLog};
pub use answer::{
    Administration, DecodedId, Desk, Health, MAX_LISTED_IDS, MAX_RANGED_IDS, Reply, Request,
    SequenceView,
};
pub use date::iso_date;
pub use peers::{AdminPeers, PeerError};
pub use refusal::Refusal;
pub use server::{Doors, PotCreate, Server};
pub use settings::Limits;
pub use token::{Token, TokenError};
