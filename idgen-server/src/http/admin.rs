//! The administration of sequences, on a listener of its own.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /admin/v1/sequences` | | `{"sequences":[...]}` |
//! | `GET /admin/v1/sequences/{name}` | | one sequence, `last` as this server sees it |
//! | `PUT /admin/v1/sequences/{name}` | settings, all optional | 201 new, 200 unchanged |
//! | `PATCH /admin/v1/sequences/{name}` | settings and `"above"` | the settings |
//! | `DELETE /admin/v1/sequences/{name}` | | 204 |
//! | `POST /admin/v1/sequences/{name}/advance` | `{"above":"N"}` | 204 |
//! | `POST /admin/v1/sequences/{name}/thaw` | `{"above":"N"}` | 204 |
//! | `GET /admin/v1/sequences/{name}/mark` | | `{"mark":"N"}`: granted to this server up to N |
//!
//! The settings are `first` (not in a PATCH), `increment`, `offset`, `end` and `order`, numbers as
//! strings or plain.
//!
//! A body must say that it is `application/json`: no web page can make a browser send that to
//! another origin without asking first, and the listener never agrees.
//!
//! Where pots are created here, `POST /pot/create` is answered as idpot does.

use hyper::{Method, StatusCode};
use idgen_core::Id;
use idgen_runtime::store::{Alteration, Created, Name};
use serde::de::DeserializeOwned;

use super::json::{
    AboveBody, AlterationBody, DefinitionBody, MarkJson, SequenceJson, SequencesJson,
};
use super::query::{name, values};
use super::response::{
    Response, defect, empty, is_read, json, method_not_allowed, no_such_path, problem,
};
use super::{Call, body::is_of};
use crate::answer::{Administration, Desk, Reply, Request};
use crate::refusal::Refusal;

const KNOWN: &str = "/admin/v1/sequences, /admin/v1/sequences/{name}, \
                     /admin/v1/sequences/{name}/advance, /admin/v1/sequences/{name}/thaw, \
                     /admin/v1/sequences/{name}/mark, /healthz, /readyz";

/// The paths of this door, undecoded.
#[derive(Clone, Copy)]
enum Route<'a> {
    Sequences,
    Sequence(&'a str),
    Advance(&'a str),
    Thaw(&'a str),
    Mark(&'a str),
}

impl Route<'_> {
    fn allow(self) -> &'static str {
        match self {
            Self::Sequences | Self::Mark(_) => "GET, HEAD",
            Self::Sequence(_) => "GET, HEAD, PUT, PATCH, DELETE",
            Self::Advance(_) | Self::Thaw(_) => "POST",
        }
    }
}

fn route(path: &str) -> Option<Route<'_>> {
    let rest = path.strip_prefix("/admin/v1/sequences")?;
    if rest.is_empty() {
        return Some(Route::Sequences);
    }
    let mut segments = rest.strip_prefix('/')?.split('/');
    let route = match (segments.next()?, segments.next()) {
        (name, None) => Route::Sequence(name),
        (name, Some("advance")) => Route::Advance(name),
        (name, Some("thaw")) => Route::Thaw(name),
        (name, Some("mark")) => Route::Mark(name),
        _ => return None,
    };
    segments.next().is_none().then_some(route)
}

pub(super) async fn respond(desk: &Desk, call: &Call) -> Response {
    let Some(route) = route(call.uri.path()) else { return no_such_path(KNOWN) };
    match read(route, call) {
        Ok(Some(request)) => written(desk.answer(request.clone()).await, &request),
        Ok(None) => method_not_allowed(route.allow()),
        Err(refusal) => problem(&refusal),
    }
}

/// The request, or nothing where the path does not answer the method.
fn read(route: Route<'_>, call: &Call) -> Result<Option<Request>, Refusal> {
    let [] = values(call.uri.query(), [])?;
    let method = &call.method;
    let wanted = match route {
        Route::Sequences if is_read(method) => Administration::List,
        Route::Mark(segment) if is_read(method) => Administration::Mark(name(segment)?),
        Route::Sequence(segment) if is_read(method) => {
            return Ok(Some(Request::Show(name(segment)?)));
        }
        Route::Sequence(segment) if method == Method::PUT => {
            let body = if call.body.is_empty() { DefinitionBody::default() } else { body(call)? };
            Administration::Create(name(segment)?, body.definition()?)
        }
        Route::Sequence(segment) if method == Method::PATCH => {
            let alteration = Alteration::from(body::<AlterationBody>(call)?);
            Administration::Alter(name(segment)?, alteration)
        }
        Route::Sequence(segment) if method == Method::DELETE => {
            Administration::Delete(name(segment)?)
        }
        Route::Advance(segment) if method == Method::POST => {
            Administration::Advance(name(segment)?, body::<AboveBody>(call)?.above.0)
        }
        Route::Thaw(segment) if method == Method::POST => {
            Administration::Thaw(name(segment)?, body::<AboveBody>(call)?.above.0)
        }
        _ => return Ok(None),
    };
    Ok(Some(Request::Administer(wanted)))
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    if !is_of(&call.headers, "application/json") {
        return Err(Refusal::bad_request("send the body as Content-Type: application/json"));
    }
    serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::bad_request(format!("the body is not as expected: {error}")))
}

fn written(answer: Result<Reply, Refusal>, request: &Request) -> Response {
    match (answer, name_of(request)) {
        (Ok(Reply::Sequences(all)), _) => {
            let sequences = all.iter().map(SequenceJson::of_info).collect();
            json(200, &SequencesJson { sequences })
        }
        (Ok(Reply::Sequence(view)), _) => json(200, &SequenceJson::of_view(&view)),
        (Ok(Reply::Created(created)), Some((name, Some(definition)))) => {
            let status = if created == Created::New { 201 } else { 200 };
            json(status, &SequenceJson::of_definition(name.as_str(), definition))
        }
        (Ok(Reply::Altered(definition)), Some((name, _))) => {
            json(200, &SequenceJson::of_definition(name.as_str(), &definition))
        }
        (Ok(Reply::Mark(mark)), _) => json(200, &MarkJson { mark: Id(mark) }),
        (Ok(Reply::Done), _) => empty(StatusCode::NO_CONTENT),
        (Ok(_), _) => defect(),
        (Err(refusal), _) => problem(&refusal),
    }
}

fn name_of(request: &Request) -> Option<(&Name, Option<&idgen_runtime::store::Definition>)> {
    match request {
        Request::Administer(Administration::Create(name, definition)) => {
            Some((name, Some(definition)))
        }
        Request::Administer(Administration::Alter(name, _)) => Some((name, None)),
        _ => None,
    }
}
