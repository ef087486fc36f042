//! The statements of a request's body.

use rusqlite::Statement;
use rusqlite::types::Value as Sql;
use serde_json::Value;

/// One statement, and what is bound to its parameters.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) text: String,
    by_place: Vec<Sql>,
    by_name: Vec<(String, Sql)>,
}

impl Asked {
    /// A statement without parameters.
    pub(crate) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), by_place: Vec::new(), by_name: Vec::new() }
    }

    /// Reads a body: an array of texts, and of arrays of a text and its parameters.
    pub(crate) fn all(body: &[u8]) -> Result<Vec<Self>, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_no_json| "invalid JSON body")?;
        let all = body.as_array().ok_or("invalid request")?;
        if all.is_empty() {
            return Err("no statements".to_owned());
        }
        all.iter().map(Self::one).collect()
    }

    fn one(value: &Value) -> Result<Self, String> {
        if let Some(text) = value.as_str() {
            return Ok(Self::plain(text));
        }
        let words = value.as_array().and_then(|words| words.split_first());
        let (text, parameters) = words.ok_or("invalid request")?;
        let mut asked = Self::plain(text.as_str().ok_or("invalid request")?);
        for parameter in parameters {
            match parameter.as_object() {
                Some(named) => {
                    for (name, value) in named {
                        asked.by_name.push((name.clone(), bound(value)?));
                    }
                }
                None => asked.by_place.push(bound(parameter)?),
            }
        }
        Ok(asked)
    }

    /// Binds the parameters; a name that the statement has not is no error, as in rqlite.
    pub(crate) fn bind(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        for (place, value) in (1..).zip(&self.by_place) {
            statement.raw_bind_parameter(place, value)?;
        }
        for (name, value) in &self.by_name {
            for sign in [':', '@', '$'] {
                if let Some(place) = statement.parameter_index(&format!("{sign}{name}"))? {
                    statement.raw_bind_parameter(place, value)?;
                }
            }
        }
        Ok(())
    }
}

fn bound(value: &Value) -> Result<Sql, String> {
    Ok(match value {
        Value::Null => Sql::Null,
        Value::Bool(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Sql::Integer(number),
            None => Sql::Real(number.as_f64().ok_or("invalid number")?),
        },
        Value::String(text) => blob_literal(text).map_or_else(|| text.clone().into(), Sql::Blob),
        Value::Array(bytes) => {
            let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
            Sql::Blob(bytes.ok_or("unsupported type")?)
        }
        Value::Object(_) => return Err("unsupported type".to_owned()),
    })
}

/// The bytes of a text like `x'0aff'`, which rqlite takes for a BLOB wherever it stands.
fn blob_literal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(['x', 'X'])?.strip_prefix('\'')?.strip_suffix('\'')?;
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_understood_as_documented() {
        let body = br#"["SELECT 1", ["a", 9007199254740993, "x", null], ["b", {"n": "x'00ff'"}]]"#;
        let [plain, placed, named] = &Asked::all(body).unwrap()[..] else { panic!() };
        assert_eq!(*plain, Asked::plain("SELECT 1"));
        let by_place = vec![Sql::Integer(9_007_199_254_740_993), "x".to_owned().into(), Sql::Null];
        assert_eq!(placed.by_place, by_place);
        assert_eq!(named.by_name, [("n".to_owned(), Sql::Blob(vec![0, 255]))]);
    }

    #[test]
    fn other_bodies_are_refused() {
        for body in ["", "{}", "[]", "[1]", "[[]]", "[[1]]", r#"[["a", [256]]]"#] {
            assert!(Asked::all(body.as_bytes()).is_err(), "{body}");
        }
    }
}
