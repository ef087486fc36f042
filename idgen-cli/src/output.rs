//! How results are written: plain lines for people and pipes, or JSON.

use std::io::{self, BufWriter, Write};

use idgen_core::IdRange;
use idgen_core::text::{self, Form};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Standard output in the form that was asked for.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// One result: as text, or as JSON on one line.
    pub(crate) fn result(&self, plain: &str, value: &Value) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = if self.json { writeln!(out, "{value}") } else { writeln!(out, "{plain}") };
        written.and_then(|()| out.flush()).map_err(|error| unwritten(&error))
    }

    /// Ids, one a line, or one JSON object.
    pub(crate) fn ids(&self, ranges: &[IdRange], form: Form) -> Result<(), Failure> {
        let ids = ranges.iter().flatten().map(|id| text::encode(id, form));
        if self.json {
            let ids: Vec<Value> = ids.map(|id| Value::from(id.as_str())).collect();
            return self.result("", &json!({ "ids": ids }));
        }
        let mut out = BufWriter::new(io::stdout().lock());
        for id in ids {
            writeln!(out, "{id}").map_err(|error| unwritten(&error))?;
        }
        out.flush().map_err(|error| unwritten(&error))
    }

    /// One line on standard error.
    pub(crate) fn failure(&self, failure: &Failure) {
        let mut err = io::stderr().lock();
        // With standard error gone too, the exit code has to say it alone.
        let _unheard = if self.json {
            writeln!(err, "{}", json!({ "error": failure.line(), "exit_code": failure.code() }))
        } else {
            writeln!(err, "idgen: {}", failure.line())
        };
    }
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::refused(format!("cannot write the result to standard output: {error}"))
}

/// Names and values in two columns.
pub(crate) fn columns(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<_> =
        rows.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

/// Rows in columns as wide as their widest cell, the first row being the head.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        assert_eq!(columns(&[("id", "7".into()), ("layout", "x".into())]), "id      7\nlayout  x");
        let rows = [vec!["NAME".to_owned(), "N".into()], vec!["a".into(), "10".into()]];
        assert_eq!(table(&rows), "NAME  N\na     10");
    }
}
