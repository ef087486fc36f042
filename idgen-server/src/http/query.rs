//! Paths and queries, read strictly: nothing unknown, doubled or half-decoded gets through.

use idgen_core::text::{self, Form};
use idgen_runtime::store::Name;
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;

/// A percent-encoded path segment as a sequence's name, taken whole.
pub(super) fn name(segment: &str) -> Result<Name, Refusal> {
    Name::new(&decoded(segment, "the name")?).map_err(|e| Refusal::bad_request(e.to_string()))
}

/// A path segment or query value as an id or a count, in decimal.
pub(super) fn number(value: &str, what: &str) -> Result<u64, Refusal> {
    text::decode(value, Form::Decimal)
        .map_err(|error| Refusal::bad_request(format!("{what} is no number: {error}")))
}

/// Decodes every `%XX`; a `%` that begins none is refused, not taken for itself.
pub(super) fn decoded(raw: &str, what: &str) -> Result<String, Refusal> {
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        let digits = rest.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(Refusal::bad_request(format!(
                "{what} has a '%' without two hexadecimal digits; write a plain one as %25"
            )));
        }
        rest = &rest[at + 3..];
    }
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| {
        Refusal::bad_request(format!("{what} is not UTF-8 when decoded; encode it as UTF-8"))
    })?;
    Ok(text.into_owned())
}

/// The values of the known keys, in the order of `known`.
///
/// # Errors
///
/// `bad_request` for an unknown key, a key given twice, and bad encoding.
pub(super) fn values<const N: usize>(
    query: Option<&str>,
    known: [&str; N],
) -> Result<[Option<String>; N], Refusal> {
    let mut values = [const { None }; N];
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decoded(key, "a query key")?;
        let Some(place) = known.iter().position(|known| *known == key) else {
            return Err(unknown_key(&key, &known));
        };
        let value = decoded(value, "a query value")?;
        if values[place].replace(value).is_some() {
            return Err(Refusal::bad_request(format!(
                "query key '{key}' is given twice; give it once"
            )));
        }
    }
    Ok(values)
}

fn unknown_key(key: &str, known: &[&str]) -> Refusal {
    let key = key.escape_debug();
    Refusal::bad_request(if known.is_empty() {
        format!("query key '{key}' is unknown; this path takes none")
    } else {
        format!("query key '{key}' is unknown; this path takes {}", known.join(" and "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_keys_once_each_in_any_order() {
        let [count, form] = values(Some("as=range&count=3"), ["count", "as"]).unwrap();
        assert_eq!((count.as_deref(), form.as_deref()), (Some("3"), Some("range")));
        assert_eq!(values(None, ["count"]).unwrap(), [None]);
        for bad in ["count=1&count=1", "n=1", "count=%zz", "count=%f", "%ff=1", "count=%ff"] {
            let refusal = values(Some(bad), ["count"]).unwrap_err();
            assert_eq!(refusal.http_status(), 400, "{bad}");
        }
    }

    #[test]
    fn names_are_taken_whole() {
        for (segment, text) in [
            ("a%2Fb", "a/b"),
            ("%27%3B%20DROP%20TABLE", "'; DROP TABLE"),
            ("%00", "\0"),
            ("%25", "%"),
            ("a+b", "a+b"),
            ("%C3%A4", "\u{e4}"),
        ] {
            assert_eq!(name(segment).unwrap().as_str(), text);
        }
        for bad in ["", "%", "%4", "%zz", "%FF"] {
            assert_eq!(name(bad).unwrap_err().http_status(), 400, "{bad}");
        }
        assert!(name(&"x".repeat(128)).is_ok());
        assert!(name(&"x".repeat(129)).is_err());
    }

    proptest! {
        #[test]
        fn any_name_survives_the_path(text in "\\PC{1,30}") {
            let raw = percent_encoding::utf8_percent_encode(
                &text, percent_encoding::NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(decoded(&raw, "the name").unwrap(), text);
        }

        #[test]
        fn garbage_is_refused_or_read_never_worse(raw in "[%a-f0-9=&+ ]{0,40}") {
            let _either = values(Some(&raw), ["a", "b"]);
            if let Ok(name) = name(&raw) {
                prop_assert!(name.as_str().len() <= 128);
            }
        }
    }
}
