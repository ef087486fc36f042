//! Statements as they are sent, and the rows that come back.
//!
//! A number travels as decimal text in both directions, as `CAST` makes it: whatever a node or a
//! library between takes JSON's numbers for, none of its 64 bits is lost. So all parameters are
//! texts. rqlite takes a text like `x'00'` for a BLOB, hence no text here has a quote.

use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::cluster::Cluster;
use super::fault::Fault;
use super::wire::Question;

/// All statements in one transaction, on disk of a quorum before the answer; never queued.
const CHANGE: &str = "/db/request?transaction&redirect&level=strong";
/// Reads what a quorum holds.
const LOOK: &str = "/db/query?level=strong&redirect";

/// A statement and its parameters `?1`, `?2`, ...
#[derive(Debug)]
pub(super) struct Statement {
    sql: String,
    parameters: Vec<String>,
}

/// What one statement yielded: a text or NULL for each column of each row.
#[derive(Debug, Default, Deserialize)]
struct Outcome {
    error: Option<String>,
    values: Option<Vec<Row>>,
}

/// The columns of one row.
pub(super) type Row = Vec<Option<String>>;

#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
    results: Option<Vec<Outcome>>,
}

impl Statement {
    /// In `sql`, names of tables begin with `idgen_`; the store's prefix takes that place.
    pub(super) fn new(prefix: &str, sql: &str, parameters: &[&str]) -> Self {
        let quoted = parameters.iter().any(|text| text.contains('\''));
        assert!(!quoted, "no parameter could be taken for a BLOB");
        let sql = sql.replace("idgen_", &format!("{prefix}_"));
        Self { sql, parameters: parameters.iter().map(|&text| text.to_owned()).collect() }
    }

    fn json(&self) -> Value {
        let words = std::iter::once(&self.sql).chain(&self.parameters);
        words.map(|word| Value::from(word.as_str())).collect()
    }
}

impl Cluster {
    /// Runs statements in one transaction; a repeatable one is sent again if its answer was lost.
    pub(super) async fn change(
        &self,
        statements: &[Statement],
        repeatable: bool,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        self.run(CHANGE, statements, repeatable).await
    }

    /// Runs statements that only read.
    pub(super) async fn look(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Fault> {
        self.run(LOOK, statements, true).await
    }

    async fn run(
        &self,
        path: &'static str,
        statements: &[Statement],
        repeatable: bool,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        let body: Value = statements.iter().map(Statement::json).collect();
        let body = Some(Bytes::from(body.to_string()));
        let rows = self.ask(&Question { path, body, repeatable }).await?;
        if rows.len() != statements.len() {
            let (got, due) = (rows.len(), statements.len());
            return Err(Fault::Damaged(format!("{got} answers came to {due} statements")));
        }
        Ok(rows)
    }
}

/// Why a body holds no rows.
#[derive(Debug)]
pub(super) enum NoRows {
    /// The node did not lead; nothing was done.
    Leaderless(String),
    /// The node lost the lead or ran out of time meanwhile: it may have been done, or may be yet.
    Lost(String),
    /// A statement failed, and nothing was done.
    Failed(Fault),
}

/// The rows of each statement, in the body of an answer.
pub(super) fn rows_in(body: &[u8]) -> Result<Vec<Vec<Row>>, NoRows> {
    let strange = |error| {
        let what = format!("answered what rqlite does not ({error}); see what runs there");
        NoRows::Failed(Fault::Refused(what))
    };
    let answer: Answer = serde_json::from_slice(body).map_err(strange)?;
    match answer.error {
        Some(said) if said == "not leader" || said == "leader not found" => {
            return Err(NoRows::Leaderless(said));
        }
        Some(said) => return Err(NoRows::Lost(said)),
        None => {}
    }
    let rows = |outcome: Outcome| match outcome.error {
        Some(said) => Err(NoRows::Failed(Fault::Sql(said))),
        None => Ok(outcome.values.unwrap_or_default()),
    };
    answer.results.unwrap_or_default().into_iter().map(rows).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_texts_by_statement() {
        let body = br#"{"results":[{"rows_affected":1,"last_insert_id":9223372036854775807},
            {"columns":["a"],"types":["text"],"values":[["9223372036854775807"],[null]]}]}"#;
        let rows = rows_in(body).unwrap();
        assert_eq!(rows[0], Vec::<Row>::new());
        assert_eq!(rows[1], [vec![Some("9223372036854775807".to_owned())], vec![None]]);
    }

    #[test]
    fn an_error_tells_whether_anything_was_done() {
        let told = |body: &str| rows_in(body.as_bytes()).unwrap_err();
        assert!(matches!(told(r#"{"error":"not leader"}"#), NoRows::Leaderless(_)));
        let lost = told(r#"{"results":null,"error":"leadership lost while committing log"}"#);
        assert!(matches!(lost, NoRows::Lost(_)));
        let failed = told(r#"{"results":[{"error":"no such table: t"}]}"#);
        assert!(matches!(failed, NoRows::Failed(Fault::Sql(_))));
        assert!(matches!(told("<html>"), NoRows::Failed(Fault::Refused(_))));
    }

    #[test]
    fn statements_are_sent_with_texts() {
        let one = Statement::new("t_1", "SELECT ?1 FROM idgen_tail", &["18446744073709551615"]);
        let due = json!(["SELECT ?1 FROM t_1_tail", "18446744073709551615"]);
        assert_eq!(one.json(), due);
    }
}
