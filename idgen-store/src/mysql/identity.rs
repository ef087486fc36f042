//! Which database this is, and whether it keeps what it answers.

use super::fault::Fault;
use super::session::{Session, Variables};
use crate::{Durability, StoreIdentity};

/// Asks anew: the server's settings may have changed since the last time.
pub(super) async fn read(session: &mut Session) -> Result<StoreIdentity, Fault> {
    let said = session.ask("SELECT id FROM idgen_meta").await?;
    let id = said.rows.first().and_then(|row| row.get_opt("id")?.ok());
    let id = id.ok_or_else(|| Fault::Damaged("the table idgen_meta is empty".to_owned()))?;
    let variables = session.variables().await?;
    Ok(StoreIdentity {
        backend: "mysql",
        id,
        incarnation: incarnation(&variables),
        durability: durability(&variables),
        ceiling: u64::MAX,
    })
}

/// An adopted form has no place for an identity of its own: server, database and tables stand for
/// it. `flaws` are what the tables themselves may lose.
pub(super) async fn of_adopted(
    session: &mut Session,
    backend: &'static str,
    tables: &str,
    ceiling: u64,
    mut flaws: Vec<String>,
) -> Result<StoreIdentity, Fault> {
    let said = session.ask("SELECT DATABASE() AS name").await?;
    let database: Option<String> =
        said.rows.first().and_then(|row| row.get_opt("name").and_then(Result::ok));
    let variables = session.variables().await?;
    let incarnation = incarnation(&variables);
    if let Durability::MayLose(why) = durability(&variables) {
        flaws.push(why);
    }
    Ok(StoreIdentity {
        backend,
        id: format!("{incarnation}/{}/{tables}", database.unwrap_or_default()),
        durability: match flaws.is_empty() {
            true => Durability::Keeps,
            false => Durability::MayLose(flaws.join(", ")),
        },
        incarnation,
        ceiling,
    })
}

/// Which server answers: MySQL draws a number for each data folder; MariaDB names host and port.
fn incarnation(variables: &Variables) -> String {
    let named = variables.get("server_uuid").or(variables.get("server_uid"));
    let of = |name| variables.get(name).unwrap_or("unnamed");
    named.map_or_else(
        || format!("{}:{}-{}", of("hostname"), of("port"), of("server_id")),
        str::to_owned,
    )
}

/// What a crash of the server or its machine may take away.
fn durability(variables: &Variables) -> Durability {
    let mut flaws = Vec::new();
    let mut expect = |name: &str, good: &[&str]| match variables.get(name) {
        Some(value) if !good.contains(&value.to_ascii_lowercase().as_str()) => {
            flaws.push(format!("{name} is {value}, not {}", good[0]));
        }
        _ => {}
    };
    expect("innodb_flush_log_at_trx_commit", &["1", "3"]);
    expect("innodb_doublewrite", &["on", "1", "fast", "detect_and_recover"]);
    // A recovery rolls back what is in InnoDB's log and not in the binary one.
    if variables.is_on("log_bin") {
        expect("sync_binlog", &["1"]);
    }
    if let Some(method @ ("nosync" | "littlesync")) = variables.get("innodb_flush_method") {
        flaws.push(format!("innodb_flush_method is {method}, not fsync"));
    }
    match flaws.is_empty() {
        true => Durability::Keeps,
        false => Durability::MayLose(flaws.join(", ")),
    }
}
