//! Request bodies: read whole within bounds of bytes and time, whether or not they are looked at.
//!
//! An unread body would poison a kept-alive connection, so the doors that ignore bodies read them
//! too.

use http_body_util::{BodyExt, Limited};
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_TYPE;
use tokio::time::timeout;

use crate::{Limits, Refusal};

/// The body's bytes.
pub(super) async fn read(body: Incoming, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    if body.is_end_stream() {
        return Ok(Vec::new());
    }
    let cap = limits.body_bytes;
    match timeout(limits.body, Limited::new(body, cap).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Refusal::over_cap(format!("the body is over the cap of {cap} bytes; send less")))
        }
        Ok(Err(error)) => Err(Refusal::bad_request(format!("the body cannot be read: {error}"))),
        Err(_late) => Err(Refusal::bad_request(format!(
            "the body did not arrive within {} ms; send it with the head",
            limits.body.as_millis()
        ))),
    }
}

/// Whether the body says of itself that it is of this media type.
pub(super) fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = value.split(';').next().unwrap_or("");
    media.trim().eq_ignore_ascii_case(media_type)
}
