//! The dialect of artisanal integers (aaronland/go-artisanal-integers): one path, one integer.
//!
//! | request | answer |
//! |---|---|
//! | `GET` or `POST` on `/` | 200, `text/plain`, the integer in decimal, no newline |
//! | `/`, any other method | 405 with `Allow`, nothing is minted |
//! | any other path | 404, nothing is minted |
//! | a refusal | its status, mostly 503, and a sentence without internal addresses |
//!
//! The original mints on every path and method, so that `HEAD` and a browser's favicon cost ids.

use hyper::header::{ALLOW, CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use idgen_core::text::{self, Form};
use idgen_runtime::Cause;

use super::Call;
use super::response::{Response, with_body, with_header};
use crate::answer::Desk;
use crate::artisanal::mint;
use crate::refusal::Refusal;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

pub(super) async fn respond(desk: &Desk, call: &Call) -> Response {
    if call.uri.path() != "/" {
        return plain(404, "there is nothing at this path; ask for / to get an integer");
    }
    if call.method != Method::GET && call.method != Method::POST {
        let response = plain(405, "this method mints no integer; use GET or POST");
        return with_header(response, ALLOW, "GET, POST");
    }
    match mint(desk).await {
        Ok(integer) => {
            let response = plain(200, text::encode(integer, Form::Decimal).as_str());
            // A cache that kept the answer to a GET would hand out the integer again.
            with_header(response, CACHE_CONTROL, "no-store")
        }
        Err(refusal) => {
            tracing::warn!(cause = refusal.cause.name(), detail = %refusal, "no integer");
            refused(&refusal)
        }
    }
}

/// A request that this door itself refuses.
pub(super) fn mistaken(refusal: &Refusal) -> Response {
    plain(refusal.http_status(), &refusal.detail)
}

/// A refusal of the desk. Its request has nothing that a client could mend.
fn refused(refusal: &Refusal) -> Response {
    let status = if refusal.cause == Cause::BadRequest { 503 } else { refusal.http_status() };
    let response = plain(status, refusal.public());
    match refusal.retry_after_s() {
        Some(seconds) => with_header(response, RETRY_AFTER, &seconds.to_string()),
        None => response,
    }
}

fn plain(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_body(status, TEXT, body.to_owned().into())
}
