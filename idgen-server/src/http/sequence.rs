//! The dialect of the sequence server (rulyotano/example-sequence-server-zookeeper): a number for
//! this process, and a page about it.
//!
//! | request | answer |
//! |---|---|
//! | `GET /sequence` | 200, `application/json; charset=utf-8`, the number as a bare JSON integer |
//! | the same, no number known to be this process's | 503 with the reason, an RFC 9457 problem |
//! | `GET /swagger`, `/swagger/index.html` | 200, a page that shows the API |
//! | `GET /swagger/v1/swagger.json` | 200, the same for programs, as OpenAPI 3 |
//! | one of these, any other method | 405 with `Allow: GET` |
//! | any other path | 404 |
//!
//! Paths are matched without case. The original answers an empty 500 where it has no number.

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Method, StatusCode};
use idgen_core::text::{self, Form};

use super::Call;
use super::response::{self, Response, with_body, with_header};
use crate::answer::{Desk, Reply, Request};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

const PAGE: &str = include_str!("sequence/swagger.html");
const DOCUMENT: &str = include_str!("sequence/swagger.json");

/// What there is to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Number,
    Page,
    Document,
}

fn thing(path: &str) -> Option<Thing> {
    match &path.to_ascii_lowercase()[..] {
        "/sequence" => Some(Thing::Number),
        "/swagger" | "/swagger/" | "/swagger/index.html" => Some(Thing::Page),
        "/swagger/v1/swagger.json" => Some(Thing::Document),
        _ => None,
    }
}

pub(super) async fn respond(desk: &Desk, call: &Call) -> Response {
    let Some(thing) = thing(call.uri.path()) else {
        return response::no_such_path("/sequence, /swagger");
    };
    if call.method != Method::GET {
        return response::method_not_allowed("GET");
    }
    match thing {
        Thing::Number => number(desk).await,
        Thing::Page => with_body(StatusCode::OK, HTML, PAGE.into()),
        Thing::Document => with_body(StatusCode::OK, JSON, DOCUMENT.into()),
    }
}

async fn number(desk: &Desk) -> Response {
    match desk.answer(Request::NodeNumber).await {
        Ok(Reply::NodeNumber(number)) => {
            let digits = text::encode(number, Form::Decimal);
            let response = with_body(StatusCode::OK, JSON, digits.as_str().to_owned().into());
            // A cache would tell the number when it is another's.
            with_header(response, CACHE_CONTROL, "no-store")
        }
        Ok(_) => response::defect(),
        Err(refusal) => response::problem(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_without_case() {
        for path in ["/sequence", "/Sequence", "/SEQUENCE"] {
            assert_eq!(thing(path), Some(Thing::Number));
        }
        assert_eq!(thing("/Swagger/V1/swagger.JSON"), Some(Thing::Document));
        for other in ["/", "/sequence/", "/sequences", "/sequence/1", "/swagger/v2/swagger.json"] {
            assert_eq!(thing(other), None, "{other}");
        }
    }
}
