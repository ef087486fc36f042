//! Forms in request bodies, `application/x-www-form-urlencoded`.
//!
//! Unlike a query of the native API, a form may hold fields that nobody asked for: the clients of
//! other systems send what they like. A field that is asked for must be there once at most.

use super::Call;
use super::body::is_of;
use super::query::decoded;
use crate::refusal::Refusal;

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The values of the fields, in the order of `wanted`; only of the body, never of the query.
///
/// # Errors
///
/// `bad_request` for a body that is no form, bad encoding, and a wanted field given twice.
pub(super) fn fields<const N: usize>(
    call: &Call,
    wanted: [&str; N],
) -> Result<[Option<String>; N], Refusal> {
    let mut values = [const { None }; N];
    if call.body.is_empty() {
        return Ok(values);
    }
    if !is_of(&call.headers, MEDIA_TYPE) {
        return Err(Refusal::bad_request(format!("send the form as Content-Type: {MEDIA_TYPE}")));
    }
    let form = str::from_utf8(&call.body)
        .map_err(|_| Refusal::bad_request("the form is not UTF-8; encode its values"))?;
    for pair in form.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = text(key, "a field's name")?;
        let Some(place) = wanted.iter().position(|wanted| *wanted == key) else { continue };
        let value = text(value, "a field's value")?;
        if values[place].replace(value).is_some() {
            return Err(Refusal::bad_request(format!(
                "field '{key}' is given twice; send it once"
            )));
        }
    }
    Ok(values)
}

/// In a form, unlike in a path, a plus stands for a blank.
fn text(raw: &str, what: &str) -> Result<String, Refusal> {
    decoded(&raw.replace('+', " "), what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{CONTENT_TYPE, HeaderValue};
    use hyper::{HeaderMap, Method, Uri};

    fn call(media_type: &'static str, body: &[u8]) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let uri = Uri::from_static("/pot/create?name=query&min=9");
        Call { method: Method::POST, uri, headers, body: body.to_vec(), loopback: true }
    }

    fn read(body: &str) -> Result<[Option<String>; 2], Refusal> {
        fields(
            &call("application/x-www-form-urlencoded; charset=UTF-8", body.as_bytes()),
            ["name", "min"],
        )
    }

    #[test]
    fn fields_come_from_the_body_alone() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("min=100&name=foo").unwrap(), [some("foo"), some("100")]);
        assert_eq!(read("other=1&name=a%26b+c%2B").unwrap(), [some("a&b c+"), None]);
        assert_eq!(read("name").unwrap(), [some(""), None]);
        assert_eq!(read("").unwrap(), [None, None]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for body in ["name=%zz", "name=%ff", "%=1", "name=a&name=b"] {
            assert_eq!(read(body).unwrap_err().http_status(), 400, "{body}");
        }
        let json = fields(&call("application/json", b"{}"), ["name"]).unwrap_err();
        assert!(json.detail.contains(MEDIA_TYPE), "{json}");
        let bytes = fields(&call(MEDIA_TYPE, b"name=\xff"), ["name"]).unwrap_err();
        assert_eq!(bytes.http_status(), 400);
    }
}
