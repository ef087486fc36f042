//! The native API: ids as JSON strings, refusals as problems.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/sequences/{name}/ids?count=n` | `{"ids":["1","2"]}` |
//! | `POST /v1/snowflakes?count=n` | `{"ids":["7","8"]}` |
//! | either with `as=range` | `{"ranges":[{"start":"1","step":"1","len":"2"}]}` |
//! | `GET /v1/sequences/{name}` | its definition, and `last` as this server sees it |
//! | `GET /v1/ids/{id}?layout=NAME` | what the id says |

use hyper::Method;

use super::Call;
use super::json::{DecodedJson, IdsJson, RangesJson, SequenceJson};
use super::query::{name, number, values};
use super::response::{Response, defect, is_read, json, method_not_allowed, no_such_path, problem};
use crate::answer::{Desk, Reply, Request};
use crate::refusal::Refusal;

const KNOWN: &str = "POST /v1/sequences/{name}/ids, POST /v1/snowflakes, GET /v1/sequences/{name}, \
                     GET /v1/ids/{id}, POST /api/v1/newID, /healthz, /readyz";

/// The paths of this door, undecoded.
enum Route<'a> {
    Ids(&'a str),
    Snowflakes,
    Sequence(&'a str),
    Id(&'a str),
}

fn route(path: &str) -> Option<Route<'_>> {
    let mut segments = path.strip_prefix("/v1/")?.split('/');
    let route = match (segments.next()?, segments.next(), segments.next()) {
        ("snowflakes", None, None) => Route::Snowflakes,
        ("sequences", Some(name), None) => Route::Sequence(name),
        ("sequences", Some(name), Some("ids")) => Route::Ids(name),
        ("ids", Some(id), None) => Route::Id(id),
        _ => return None,
    };
    segments.next().is_none().then_some(route)
}

pub(super) async fn respond(desk: &Desk, call: &Call) -> Response {
    let Some(route) = route(call.uri.path()) else { return no_such_path(KNOWN) };
    let (suits, allow) = match route {
        Route::Ids(_) | Route::Snowflakes => (call.method == Method::POST, "POST"),
        Route::Sequence(_) | Route::Id(_) => (is_read(&call.method), "GET, HEAD"),
    };
    if !suits {
        return method_not_allowed(allow);
    }
    match read(route, call.uri.query()) {
        Ok((request, as_ranges)) => written(desk.answer(request).await, as_ranges),
        Err(refusal) => problem(&refusal),
    }
}

/// The request, and whether its ids are wanted as ranges.
fn read(route: Route<'_>, query: Option<&str>) -> Result<(Request, bool), Refusal> {
    match route {
        Route::Ids(segment) => {
            let (count, as_ranges) = count_and_form(query)?;
            let sequence = name(segment)?;
            Ok((Request::Ids { sequence, count, listed: !as_ranges }, as_ranges))
        }
        Route::Snowflakes => {
            let (count, as_ranges) = count_and_form(query)?;
            Ok((Request::Snowflakes { count, listed: !as_ranges }, as_ranges))
        }
        Route::Sequence(segment) => {
            let [] = values(query, [])?;
            Ok((Request::Show(name(segment)?), false))
        }
        Route::Id(segment) => {
            let [layout] = values(query, ["layout"])?;
            Ok((Request::Decode { id: number(segment, "the id")?, layout }, false))
        }
    }
}

fn count_and_form(query: Option<&str>) -> Result<(u64, bool), Refusal> {
    let [count, form] = values(query, ["count", "as"])?;
    let count = count.map_or(Ok(1), |count| number(&count, "the count"))?;
    match form.as_deref() {
        None => Ok((count, false)),
        Some("range") => Ok((count, true)),
        Some(other) => Err(Refusal::bad_request(format!(
            "as={} is unknown; write as=range or leave it out",
            other.escape_debug()
        ))),
    }
}

fn written(answer: Result<Reply, Refusal>, as_ranges: bool) -> Response {
    match answer {
        Ok(Reply::Ids(ranges)) if as_ranges => json(200, &RangesJson { ranges: &ranges }),
        Ok(Reply::Ids(ranges)) => json(200, &IdsJson::new(&ranges)),
        Ok(Reply::Sequence(view)) => json(200, &SequenceJson::of_view(&view)),
        Ok(Reply::Decoded(decoded)) => json(200, &DecodedJson::new(&decoded)),
        Ok(_) => defect(),
        Err(refusal) => problem(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_are_known() {
        for path in [
            "/v1/",
            "/v1",
            "/v1/sequences",
            "/v1/sequences/a/ids/",
            "/v1/sequences/a/b",
            "/v1/snowflakes/",
            "/v1/ids",
            "/v1/ids/1/2",
            "/v2/snowflakes",
            "//v1/snowflakes",
        ] {
            assert!(route(path).is_none(), "{path}");
        }
        assert!(matches!(route("/v1/sequences/a%2Fb/ids"), Some(Route::Ids("a%2Fb"))));
        assert!(matches!(route("/v1/sequences/ids"), Some(Route::Sequence("ids"))));
    }

    #[test]
    fn garbage_in_the_query_is_refused() {
        for query in [
            "count=",
            "count=-1",
            "count=01",
            "count=1.5",
            "count=18446744073709551616",
            "as=list",
            "count=1&x=2",
            "count=1&count=2",
        ] {
            assert_eq!(count_and_form(Some(query)).unwrap_err().http_status(), 400, "{query}");
        }
        assert_eq!(count_and_form(Some("as=range")).unwrap(), (1, true));
        assert_eq!(count_and_form(Some("count=7")).unwrap(), (7, false));
    }
}
