//! The dialect of idpool (Krados/idpool): one path, one id.
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/v1/newID`, body and query ignored | `{"id":1,"status":200}`, the id a JSON number |
//! | the pool has ended | 500, `{"msg":"NoIDAvailable","status":500}` |
//! | any other refusal | 500, `{"msg":"InternalServerError","status":500}` |
//! | `POST /api/v1/newID/` | 307 to the path without the slash |
//! | any other method, or path where nothing else is answered | 404, `404 page not found` |
//!
//! Bodies are byte for byte those of the original.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderValue, LOCATION};
use hyper::{Method, StatusCode};
use idgen_core::text::{self, Form};
use idgen_runtime::Cause;

use super::Call;
use super::response::{Response, empty, with_body, with_header};
use crate::Refusal;
use crate::answer::{Desk, Reply, Request};

const PATH: &str = "/api/v1/newID";
const PATH_WITH_SLASH: &str = "/api/v1/newID/";
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// Whether a path is this dialect's.
pub(super) fn owns(path: &str) -> bool {
    path == PATH || path == PATH_WITH_SLASH
}

pub(super) async fn respond(desk: &Desk, call: &Call) -> Response {
    let path = call.uri.path();
    if call.method != Method::POST || !owns(path) {
        let body = Bytes::from_static(b"404 page not found");
        return with_body(StatusCode::NOT_FOUND, TEXT, body);
    }
    if path == PATH_WITH_SLASH {
        return redirect(call.uri.query());
    }
    match desk.answer(Request::Pool).await {
        Ok(Reply::Ids(ranges)) => match ranges.first() {
            Some(range) => success(range.start()),
            None => failure("InternalServerError"),
        },
        Ok(_) => failure("InternalServerError"),
        Err(refusal) if refusal.cause == Cause::Exhausted => failure("NoIDAvailable"),
        Err(refusal) => {
            tracing::warn!(cause = refusal.cause.name(), detail = %refusal, "no id for a client");
            failure("InternalServerError")
        }
    }
}

/// A request whose body, which is not looked at, was not had.
pub(super) fn mistaken(refusal: &Refusal) -> Response {
    tracing::debug!(detail = %refusal, "a client of the pool sent no whole request");
    failure("InternalServerError")
}

fn success(id: u64) -> Response {
    let id = text::encode(id, Form::Decimal);
    let mut body = Vec::with_capacity(40);
    body.extend_from_slice(b"{\"id\":");
    body.extend_from_slice(id.as_bytes());
    body.extend_from_slice(b",\"status\":200}");
    with_body(StatusCode::OK, JSON, body.into())
}

fn failure(msg: &str) -> Response {
    let body = format!("{{\"msg\":\"{msg}\",\"status\":500}}");
    with_body(StatusCode::INTERNAL_SERVER_ERROR, JSON, body.into())
}

fn redirect(query: Option<&str>) -> Response {
    let target = query.map_or_else(|| PATH.to_owned(), |query| format!("{PATH}?{query}"));
    let response: hyper::Response<Full<Bytes>> = empty(StatusCode::TEMPORARY_REDIRECT);
    with_header(response, LOCATION, &target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn body(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn bodies_are_the_originals() {
        assert_eq!(body(success(1)).await, r#"{"id":1,"status":200}"#);
        assert_eq!(body(success(u64::MAX)).await, r#"{"id":18446744073709551615,"status":200}"#);
        let failed = failure("NoIDAvailable");
        assert_eq!(failed.status(), 500);
        assert_eq!(body(failed).await, r#"{"msg":"NoIDAvailable","status":500}"#);
    }

    #[test]
    fn a_slash_too_many_is_redirected_with_its_query() {
        let response = redirect(Some("a=1"));
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()[LOCATION], "/api/v1/newID?a=1");
    }
}
