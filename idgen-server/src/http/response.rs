//! Responses: JSON, RFC 9457 problems, plain text.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::{Method, StatusCode};
use idgen_runtime::store::Name;
use idgen_runtime::{Cause, Lifetime};
use serde::Serialize;
use serde_json::json;

use crate::answer::Health;
use crate::date::iso_date;
use crate::refusal::Refusal;

/// A response with its body whole, so that it goes out with Content-Length.
pub(super) type Response = hyper::Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A problem as RFC 9457 has it, and the word of the table of causes.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    cause: &'a str,
}

/// Whether the method reads; hyper drops the body of an answer to HEAD.
pub(super) fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// A body of a type.
pub(super) fn with_body(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// The same response with one more header.
pub(super) fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Says that the connection ends with this response.
pub(super) fn closing(response: Response) -> Response {
    with_header(response, CONNECTION, "close")
}

/// No body at all.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A value as JSON, which no cache may keep: no id may be had twice.
pub(super) fn json(status: u16, value: &impl Serialize) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match serde_json::to_vec(value) {
        Ok(body) => {
            let response = with_body(status, JSON, body.into());
            with_header(response, CACHE_CONTROL, "no-store")
        }
        Err(_) => defect(),
    }
}

/// A refusal as RFC 9457 has it; `cause` is the word of the table of causes.
pub(super) fn problem(refusal: &Refusal) -> Response {
    let status = refusal.http_status();
    let response = plain_problem(status, refusal.cause.name(), &refusal.detail);
    match refusal.retry_after_s() {
        Some(seconds) => with_header(response, RETRY_AFTER, &seconds.to_string()),
        None => response,
    }
}

fn plain_problem(status: u16, cause: &str, detail: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let problem = Problem {
        kind: "about:blank",
        title: code.canonical_reason().unwrap_or("Error"),
        status: code.as_u16(),
        detail,
        cause,
    };
    let mut response = json(code.as_u16(), &problem);
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM);
    response
}

/// A path that no door of the listener knows.
pub(super) fn no_such_path(known: &str) -> Response {
    let detail = format!("there is nothing at this path; known here: {known}");
    plain_problem(404, Cause::Unknown.name(), &detail)
}

/// A known path, asked in a way it does not answer.
pub(super) fn method_not_allowed(allow: &str) -> Response {
    let detail = format!("this path does not answer this method; use {allow}");
    let response = plain_problem(405, Cause::BadRequest.name(), &detail);
    with_header(response, ALLOW, allow)
}

/// An answer of another kind than was asked for: a defect of this program.
pub(super) fn defect() -> Response {
    tracing::error!("an answer was of the wrong kind; please report this defect");
    plain_problem(500, "defect", "the server answered itself wrongly; please report this defect")
}

/// `/readyz`: 200 when ids would be issued now, else 503 with the reasons.
pub(super) fn readiness(health: &Health, draining: bool) -> Response {
    let ready = health.ready && !draining;
    let mut reasons = health.reasons.clone();
    if draining {
        reasons.push("this node is shutting down".to_owned());
    }
    let lifetimes: Vec<_> = health.lifetimes.iter().map(lifetime).collect();
    let value = json!({ "ready": ready, "reasons": reasons, "lifetimes": lifetimes });
    json(if ready { 200 } else { 503 }, &value)
}

/// How long the layout of an id space lasts.
fn lifetime((space, lifetime): &(Name, Lifetime)) -> serde_json::Value {
    json!({
        "space": space.as_str(),
        "last": iso_date(lifetime.end_unix_ms - 1),
        "left_days": lifetime.left_days(),
        "negative_from": lifetime.negative_from_unix_ms.map(iso_date),
        "warning": lifetime.warning().map(|warning| warning.to_string()),
    })
}
