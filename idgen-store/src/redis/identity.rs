//! Which server this is, whether it may serve a store, and whether it keeps what it answers.

use std::collections::HashMap;

use super::fault::Fault;
use super::link::Session;
use crate::retry::random;
use crate::{Durability, StoreIdentity};

/// What a server says about itself.
pub(super) struct Server {
    /// The lines of `INFO`.
    info: HashMap<String, String>,
    /// What `CONFIG GET *append*` yields; `None` where that is forbidden.
    settings: Option<HashMap<String, String>>,
}

impl Server {
    /// Asks anew: it may have been promoted, and its settings changed, since the last time.
    pub(super) async fn ask(session: &Session) -> Result<Self, Fault> {
        let said: String = session.ask(&redis::cmd("INFO")).await?;
        let pairs = said.lines().filter_map(|line| line.split_once(':'));
        let info = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut question = redis::cmd("CONFIG");
        question.arg("GET").arg("*append*");
        let settings = match session.ask(&question).await {
            Ok(settings) => Some(settings),
            // Hosts of others rename or forbid the command.
            Err(Fault::Redis(error)) if matches!(error.code(), Some("NOPERM" | "ERR")) => None,
            Err(fault) => return Err(fault),
        };
        Ok(Self { info, settings })
    }

    fn info(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    /// Refuses what would lose a sequence or show an old one.
    pub(super) fn check_fit(&self, lossy: bool) -> Result<(), Fault> {
        let mode = self.info("redis_mode");
        if mode != "standalone" {
            return Err(Fault::Refused(format!(
                "is a server in the mode '{mode}', which is not built in; name a single server"
            )));
        }
        if self.info("role") != "master" {
            return Err(Fault::Unfit(
                "is a read-only replica, whose numbers may be old; name the primary".to_owned(),
            ));
        }
        let policy = self.info("maxmemory_policy");
        if policy.starts_with("allkeys") {
            return Err(Fault::Refused(format!(
                "evicts any key when its memory is full (maxmemory-policy {policy}), and with one \
                 a sequence would begin anew; set noeviction"
            )));
        }
        match self.durability() {
            Durability::MayLose(why) if !lossy => Err(Fault::Refused(format!(
                "may forget what it answered: {why}; set appendonly yes and appendfsync always, \
                 or write ?durability=lossy"
            ))),
            _ => Ok(()),
        }
    }

    fn identity(&self, id: String) -> StoreIdentity {
        StoreIdentity {
            backend: "redis",
            id,
            incarnation: format!("{}-{}", self.info("run_id"), self.info("master_replid")),
            durability: self.durability(),
            ceiling: u64::MAX,
        }
    }

    fn durability(&self) -> Durability {
        let Some(settings) = &self.settings else {
            return Durability::MayLose("its settings cannot be read, CONFIG is forbidden".into());
        };
        let due = [
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            // Else it does not sync while it rewrites its file.
            ("no-appendfsync-on-rewrite", "no"),
        ];
        let mut flaws = Vec::new();
        for (name, value) in due {
            let set = settings.get(name).map_or("unknown", String::as_str);
            if set != value {
                flaws.push(format!("{name} is {set}"));
            }
        }
        match flaws.is_empty() {
            true => Durability::Keeps,
            false => Durability::MayLose(flaws.join(", ")),
        }
    }
}

/// The key of the store's identity.
fn key(session: &Session) -> String {
    format!("{}:identity", session.prefix)
}

/// Makes an identity if there is none.
pub(super) async fn ensure(session: &Session) -> Result<(), Fault> {
    let id = format!("{:016x}{:016x}", random(), random());
    session.ask(redis::cmd("SETNX").arg(key(session)).arg(id)).await
}

/// The identity of the keys, and the server's run and history of replication.
pub(super) async fn read(session: Session) -> Result<StoreIdentity, Fault> {
    let server = Server::ask(&session).await?;
    server.check_fit(session.lossy)?;
    let id: Option<String> = session.ask(redis::cmd("GET").arg(key(&session))).await?;
    // Gone only if the keys were emptied under this connection; then there is another store.
    let id = id.ok_or_else(|| Fault::Damaged(format!("key {} is gone", key(&session))))?;
    Ok(server.identity(id))
}

/// The identity of a counter: its server and key. Nothing of idgen's stands in the database.
pub(super) async fn of_counter(session: Session, id: String) -> Result<StoreIdentity, Fault> {
    let server = Server::ask(&session).await?;
    server.check_fit(session.lossy)?;
    Ok(server.identity(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(info: &[(&str, &str)], settings: Option<&[(&str, &str)]>) -> Server {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|pair| (pair.0.to_owned(), pair.1.to_owned())).collect()
        };
        let usual = [("redis_mode", "standalone"), ("role", "master")];
        Server { info: map(&[&usual, info].concat()), settings: settings.map(map) }
    }

    const KEPT: &[(&str, &str)] = &[
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("appendfilename", "appendonly.aof"),
    ];

    fn refusal(server: &Server, lossy: bool) -> String {
        match server.check_fit(lossy) {
            Err(Fault::Refused(why) | Fault::Unfit(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_keeps_what_it_syncs_before_it_answers() {
        assert_eq!(server(&[], Some(KEPT)).durability(), Durability::Keeps);
        for at in 0..3 {
            let mut settings = KEPT.to_vec();
            settings[at].1 = "everysec";
            let server = server(&[], Some(&settings));
            let why = refusal(&server, false);
            assert!(why.contains(settings[at].0) && why.contains("durability=lossy"), "{why}");
            assert!(server.check_fit(true).is_ok());
        }
        assert!(refusal(&server(&[], None), false).contains("CONFIG is forbidden"));
    }

    #[test]
    fn what_loses_keys_or_shows_old_ones_is_refused_always() {
        let evicting = server(&[("maxmemory_policy", "allkeys-lru")], Some(KEPT));
        assert!(refusal(&evicting, true).contains("allkeys-lru"));
        assert!(
            server(&[("maxmemory_policy", "volatile-lru")], Some(KEPT)).check_fit(true).is_ok()
        );
        let replica = server(&[("role", "slave")], Some(KEPT));
        assert!(refusal(&replica, true).contains("name the primary"));
        let cluster = server(&[("redis_mode", "cluster")], Some(KEPT));
        assert!(refusal(&cluster, true).contains("'cluster'"));
    }
}
