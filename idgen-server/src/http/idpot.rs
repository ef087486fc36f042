//! The dialect of idpot (lestrrat/go-idpot): a pot is a sequence of that name.
//!
//! | request | answer |
//! |---|---|
//! | `POST /pot/create`, form `name=foo&min=100` | 201, `Created new pot`; first id `min` + 1 |
//! | `GET /pot/foo` | 204; the store is asked each time |
//! | `POST /id/foo` | 200, the next id in decimal |
//! | `GET /id/foo` | 200, the number before the next one that this server would issue |
//! | these paths, any other method | 404, nothing happens |
//!
//! The path behind `/id/` and `/pot/` is decoded and taken whole, slashes included. A refusal is
//! `<status text>\n<message>` in plain text. What a store says of itself goes to the log, never to
//! a client. The original answers 404 for a pot that it cannot look for, and 500 for most of what
//! a client can mend; here an outage is 503 and a client's mistake 400, 404 or 409.

use hyper::header::{
    CACHE_CONTROL, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode};
use idgen_core::text::{self, Form};
use idgen_runtime::Cause;
use idgen_runtime::store::{Created, Definition, Name, Order};

use super::response::{Response, empty, with_body, with_header};
use super::{Call, Creation, form, query};
use crate::answer::{Administration, Desk, Reply, Request};
use crate::refusal::Refusal;
use crate::server::PotCreate;

const CREATE: &str = "/pot/create";
const POT: &str = "/pot/";
const ID: &str = "/id/";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// A pot's name is part of a MySQL table's, which has at most 64 characters.
const MAX_NAME_CHARS: usize = 60;

/// Whether a path is this dialect's.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with(POT) || path.starts_with(ID)
}

/// Whether a path creates pots.
pub(super) fn creates(path: &str) -> bool {
    path == CREATE
}

/// Answers on the data listener.
pub(super) async fn respond(desk: &Desk, creation: &Creation, call: &Call) -> Response {
    let path = call.uri.path();
    if call.method == Method::POST && creates(path) {
        return match forbids(creation, call) {
            Some(refused) => refused,
            None => create(desk, call).await,
        };
    }
    let (request, shown) = match (&call.method, path.strip_prefix(ID), path.strip_prefix(POT)) {
        (&Method::POST, Some(raw), _) => (name(raw).map(next), Shown::Number),
        (&Method::GET, Some(raw), _) => (name(raw).map(Request::Show), Shown::Number),
        (&Method::GET, _, Some(raw)) => (name(raw).map(Request::Exists), Shown::Nothing),
        _ => return failure(StatusCode::NOT_FOUND, ""),
    };
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return mistaken(&refusal),
    };
    match (desk.answer(request).await, shown) {
        (Ok(Reply::Ids(ranges)), Shown::Number) => match ranges.first() {
            Some(range) => number(range.start()),
            None => refused(&Refusal::defect()),
        },
        (Ok(Reply::Sequence(view)), Shown::Number) => number(view.last),
        (Ok(Reply::Done), Shown::Nothing) => empty(StatusCode::NO_CONTENT),
        (Ok(_), _) => refused(&Refusal::defect()),
        (Err(refusal), _) => refused(&refusal),
    }
}

/// Why the data listener does not create a pot for this client, if it does not.
fn forbids(creation: &Creation, call: &Call) -> Option<Response> {
    match (creation.place, &creation.token) {
        (PotCreate::Data, _) if call.loopback => None,
        (PotCreate::Data, Some(token)) if token.is_shown(&call.headers) => None,
        (PotCreate::Data, Some(_)) => {
            let message = "Pots are created with the admin token or from the server's own host";
            let response = failure(StatusCode::UNAUTHORIZED, message);
            Some(with_header(response, WWW_AUTHENTICATE, "Bearer"))
        }
        (PotCreate::Data, None) => Some(forbidden("Pots are created from the server's own host")),
        (PotCreate::Admin, _) => Some(forbidden("Pots are created on the admin listener")),
        (PotCreate::Off, _) => Some(forbidden("Pots are not created here")),
    }
}

/// What a success shows.
#[derive(Clone, Copy)]
enum Shown {
    Number,
    Nothing,
}

fn next(sequence: Name) -> Request {
    Request::Ids { sequence, count: 1, listed: true }
}

/// Answers `/pot/create` on the admin listener.
pub(super) async fn create_as_admin(desk: &Desk, creation: &Creation, call: &Call) -> Response {
    if call.method != Method::POST {
        return failure(StatusCode::NOT_FOUND, "");
    }
    match creation.place {
        PotCreate::Admin => create(desk, call).await,
        PotCreate::Data => forbidden("Pots are created on the data listener"),
        PotCreate::Off => forbidden("Pots are not created here"),
    }
}

async fn create(desk: &Desk, call: &Call) -> Response {
    // Browsers send this with every form that a page posts, and no other client does.
    if call.headers.contains_key(ORIGIN) {
        return forbidden("Pots are not created by web pages");
    }
    let (name, definition) = match pot(call) {
        Ok(pot) => pot,
        Err(refusal) => return mistaken(&refusal),
    };
    let wanted = Request::Administer(Administration::Create(name, definition));
    match desk.answer(wanted).await {
        Ok(Reply::Created(Created::New)) => plain(StatusCode::CREATED, "Created new pot"),
        Ok(Reply::Created(Created::Unchanged)) => exists(),
        Ok(_) => refused(&Refusal::defect()),
        Err(refusal) => refused(&refusal),
    }
}

/// The pot that a form asks for.
fn pot(call: &Call) -> Result<(Name, Definition), Refusal> {
    let [name, min] = form::fields(call, ["name", "min"])?;
    let name = name.filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| Refusal::bad_request("Required parameter 'name' not provided"))?;
    Ok((checked(&name)?, definition(min.as_deref().unwrap_or("0"))?))
}

/// The sequence whose first id is `min` + 1.
fn definition(min: &str) -> Result<Definition, Refusal> {
    let digits = !min.is_empty() && min.bytes().all(|byte| byte.is_ascii_digit());
    let bound: Option<u64> = if digits { min.parse().ok() } else { None };
    let first = bound.and_then(|bound| bound.checked_add(1)).ok_or_else(|| {
        Refusal::bad_request("Parameter 'min' is a whole number from 0 to 18446744073709551614")
    })?;
    Definition::new(first, 1, 0, u64::MAX, Order::Leased)
        .map_err(|error| Refusal::bad_request(error.to_string()))
}

/// The rest of a path as a pot's name.
fn name(raw: &str) -> Result<Name, Refusal> {
    checked(&query::decoded(raw, "the pot's name")?)
}

fn checked(name: &str) -> Result<Name, Refusal> {
    let chars = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) {
        return Err(Refusal::bad_request(format!(
            "A pot's name has 1 to {MAX_NAME_CHARS} characters, this one has {chars}"
        )));
    }
    if name.contains('\0') || name.ends_with(char::is_whitespace) {
        return Err(Refusal::bad_request("A pot's name has no NUL and does not end with a blank"));
    }
    Name::new(name).map_err(|error| Refusal::bad_request(error.to_string()))
}

/// A request that this door itself refuses, in words for its client.
pub(super) fn mistaken(refusal: &Refusal) -> Response {
    failure(status(refusal), &refusal.detail)
}

/// A refusal of the desk.
fn refused(refusal: &Refusal) -> Response {
    let response = match refusal.cause {
        Cause::Unknown => return failure(StatusCode::NOT_FOUND, "Specified pot does not exist"),
        Cause::Exists => return exists(),
        _ => failure(status(refusal), refusal.public()),
    };
    tracing::warn!(cause = refusal.cause.name(), detail = %refusal, "refused a client of a pot");
    match refusal.retry_after_s() {
        Some(seconds) => with_header(response, RETRY_AFTER, &seconds.to_string()),
        None => response,
    }
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn exists() -> Response {
    failure(StatusCode::CONFLICT, "Specified pot already exists")
}

fn forbidden(message: &str) -> Response {
    failure(StatusCode::FORBIDDEN, message)
}

fn failure(status: StatusCode, message: &str) -> Response {
    let body = format!("{}\n{message}", status.canonical_reason().unwrap_or("Error"));
    with_header(plain(status, &body), X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// A number, which no cache may keep: no id may be had twice.
fn number(number: u64) -> Response {
    let response = plain(StatusCode::OK, text::encode(number, Form::Decimal).as_str());
    with_header(response, CACHE_CONTROL, "no-store")
}

fn plain(status: StatusCode, body: &str) -> Response {
    with_body(status, TEXT, body.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;
    use hyper::header::AUTHORIZATION;
    use hyper::{HeaderMap, Uri};

    fn status_for(place: PotCreate, token: bool, loopback: bool, shown: &str) -> u16 {
        let token = token.then(|| Token::new("0123456789abcdef").unwrap());
        let mut headers = HeaderMap::new();
        if !shown.is_empty() {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(shown).unwrap());
        }
        let uri = Uri::from_static(CREATE);
        let call = Call { method: Method::POST, uri, headers, body: Vec::new(), loopback };
        let refused = forbids(&Creation { place, token }, &call);
        refused.map_or(201, |response| response.status().as_u16())
    }

    #[test]
    fn pots_are_created_from_this_host_or_with_the_token() {
        let (right, wrong) = ("Bearer 0123456789abcdef", "Bearer 0123456789abcdee");
        for (place, token, loopback, shown, status) in [
            (PotCreate::Data, false, true, "", 201),
            (PotCreate::Data, true, true, "", 201),
            (PotCreate::Data, false, false, "", 403),
            (PotCreate::Data, false, false, right, 403),
            (PotCreate::Data, true, false, "", 401),
            (PotCreate::Data, true, false, wrong, 401),
            (PotCreate::Data, true, false, right, 201),
            (PotCreate::Admin, true, true, right, 403),
            (PotCreate::Off, true, true, right, 403),
        ] {
            let got = status_for(place, token, loopback, shown);
            assert_eq!(got, status, "{place:?}, token {token}, loopback {loopback}, '{shown}'");
        }
    }

    #[test]
    fn names_are_those_that_mysql_can_hold() {
        for good in ["a", "a b", "foo/bar", "`; DROP TABLE x", "\u{e4}", " a", &"x".repeat(60)] {
            assert_eq!(checked(good).unwrap().as_str(), good);
        }
        assert!(checked(&"\u{e4}".repeat(60)).is_ok(), "characters count, not bytes");
        for bad in ["", "a\0b", "a ", "a\t", &"x".repeat(61), &"\u{1f600}".repeat(60)] {
            assert_eq!(checked(bad).unwrap_err().http_status(), 400, "{bad:?}");
        }
    }

    #[test]
    fn the_first_id_is_above_min() {
        assert_eq!(definition("0").unwrap().first(), 1);
        assert_eq!(definition("100").unwrap().first(), 101);
        assert_eq!(definition("18446744073709551614").unwrap().first(), u64::MAX);
        for bad in ["", "-1", "+1", "1.5", "x", "18446744073709551615", "18446744073709551616"] {
            assert_eq!(definition(bad).unwrap_err().http_status(), 400, "{bad}");
        }
    }
}
