//! Answers of statements as rqlite writes them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rusqlite::Statement;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value, json};

/// Runs a statement whose parameters are bound and puts down its rows.
pub(crate) fn rows(statement: &mut Statement<'_>, associative: bool) -> rusqlite::Result<Value> {
    let mut columns = Vec::new();
    let mut types = Vec::new();
    for column in statement.columns() {
        columns.push(column.name().to_owned());
        types.push(column.decl_type().unwrap_or_default().to_ascii_lowercase());
    }
    let mut values = Vec::new();
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        let cells: Result<Vec<Value>, _> =
            (0..columns.len()).map(|column| row.get_ref(column).map(cell)).collect();
        values.push(cells?);
    }
    if !associative {
        let mut told = json!({"columns": columns, "types": types});
        if !values.is_empty() {
            told["values"] = json!(values);
        }
        return Ok(told);
    }
    let keyed = |cells: Vec<Value>| columns.iter().cloned().zip(cells).collect::<Map<_, _>>();
    let rows: Vec<_> = values.into_iter().map(keyed).collect();
    let types: Map<String, Value> =
        columns.iter().cloned().zip(types.into_iter().map(Value::from)).collect();
    Ok(json!({"types": types, "rows": rows}))
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => BASE64_STANDARD.encode(bytes).into(),
    }
}

/// What a change tells; rqlite leaves out what is 0.
pub(crate) fn change(last_insert_id: i64, rows_affected: u64, associative: bool) -> Value {
    let mut told = Map::new();
    if last_insert_id != 0 {
        told.insert("last_insert_id".to_owned(), last_insert_id.into());
    }
    if rows_affected != 0 {
        told.insert("rows_affected".to_owned(), rows_affected.into());
    }
    if associative {
        told.insert("rows".to_owned(), Value::Null);
    }
    told.into()
}
