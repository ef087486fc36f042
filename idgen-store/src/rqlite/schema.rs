//! The tables: recognised, made once, however many processes start at the same time.

use std::time::Instant;

use super::RqliteStore;
use super::fault::Fault;
use super::statement::{Row, Statement};
use crate::retry::{inside_tokio, random};
use crate::{Durability, StoreIdentity};

const SCHEMA: &str = include_str!("schema_1.sql");

/// The version that this program writes.
const VERSION: &str = "1";

/// The statements that make the tables where they are not.
fn tables(prefix: &str) -> Vec<Statement> {
    let lines = SCHEMA.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let statements = text.split(';').map(str::trim).filter(|text| !text.is_empty());
    statements.map(|sql| Statement::new(prefix, sql, &[])).collect()
}

impl RqliteStore {
    fn about(&self) -> Statement {
        let sql = "SELECT CAST(version AS TEXT), id, incarnation FROM idgen_store";
        Statement::new(&self.cluster.settings.prefix, sql, &[])
    }

    /// Makes the tables if they are not there, checks that they are of this version; once in
    /// the life of this store.
    pub(super) async fn ensure(&self) -> Result<(), Fault> {
        inside_tokio("rqlite")?;
        let began = Instant::now();
        let prepare = || async {
            self.cluster.share_failure(began)?;
            self.prepare().await
        };
        self.ready.get_or_try_init(prepare).await.map(|_ready| ())
    }

    async fn prepare(&self) -> Result<(), Fault> {
        let found = match self.cluster.look(&[self.about()]).await {
            Err(Fault::Sql(said)) if said.contains("no such table") => self.make().await?,
            told => told?.remove(0),
        };
        match found.first().and_then(|row| row[0].as_deref()) {
            Some(VERSION) => Ok(()),
            Some(version) => Err(Fault::Refused(format!(
                "has idgen's tables in version {version}, this program knows {VERSION}; use a \
                 newer idgen"
            ))),
            None => Err(Fault::Damaged("the table of the store is empty".to_owned())),
        }
    }

    async fn make(&self) -> Result<Vec<Row>, Fault> {
        let prefix = &self.cluster.settings.prefix;
        let (id, incarnation) = (draw(), draw());
        let sql = "INSERT INTO idgen_store VALUES (1, CAST(?1 AS INTEGER), ?2, ?3) \
                   ON CONFLICT (one) DO NOTHING";
        let mut statements = tables(prefix);
        statements.push(Statement::new(prefix, sql, &[VERSION, &id, &incarnation]));
        statements.push(self.about());
        let mut told = self.cluster.change(&statements, true).await?;
        Ok(told.pop().expect("the statements end with a look"))
    }

    /// What the tables were named at their creation: rqlite answers once a quorum has it on disk.
    pub(super) async fn read_identity(&self) -> Result<StoreIdentity, Fault> {
        let rows = self.cluster.look(&[self.about()]).await?;
        let gone = || Fault::Damaged("the table of the store is empty".to_owned());
        let [_, Some(id), Some(incarnation)] = &rows[0].first().ok_or_else(gone)?[..] else {
            return Err(gone());
        };
        Ok(StoreIdentity {
            backend: "rqlite",
            id: id.clone(),
            incarnation: incarnation.clone(),
            durability: Durability::Keeps,
            ceiling: u64::MAX,
        })
    }
}

fn draw() -> String {
    format!("{:016x}{:016x}", random(), random())
}
