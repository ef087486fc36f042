//! The artisanal TCP door: one connection, one integer.
//!
//! A connection is sent one integer in decimal and a newline as soon as it is accepted, and is
//! closed; nothing is read. The dialect has no word for a refusal: the connection is closed
//! without a byte, at the latest when the request's deadline has passed.

use std::time::Duration;

use idgen_core::text::{self, Form};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::{Desk, Reply, Request};
use crate::door::{Drain, close_gently};
use crate::refusal::Refusal;

/// Mints one integer of the artisanal sequence.
pub(crate) async fn mint(desk: &Desk) -> Result<u64, Refusal> {
    let wanted = Request::Ids { sequence: desk.integers.clone(), count: 1, listed: true };
    match desk.answer(wanted).await? {
        Reply::Ids(ranges) => ranges.first().map(idgen_core::IdRange::start),
        _ => None,
    }
    .ok_or_else(Refusal::defect)
}

/// Serves one connection.
pub(crate) async fn serve(desk: Desk, write_limit: Duration, mut stream: TcpStream, drain: Drain) {
    match mint(&desk).await {
        Ok(integer) => {
            let line = format!("{}\n", text::encode(integer, Form::Decimal));
            match timeout(write_limit, stream.write_all(line.as_bytes())).await {
                Ok(Ok(())) => {}
                // The peer is gone or does not read: its integer is a gap.
                Ok(Err(_)) | Err(_) => return,
            }
        }
        Err(refusal) => {
            let cause = refusal.cause.name();
            tracing::warn!(cause, detail = %refusal, "an artisanal connection is unanswered");
        }
    }
    drop(drain);
    close_gently(stream).await;
}
