//! Which servers these are, whether they may serve a store, and whether they keep what they answer.
//!
//! A server keeps what it syncs before it answers. A fail-over does not: replicas have what the
//! master granted a moment later, so the one that is promoted may lack it, however it syncs. All
//! that can be promoted on its own *may lose* therefore, and its incarnation names the servers that
//! grant now: it changes with each fail-over, and with each start of a server.

use std::collections::HashMap;

use redis::FromRedisValue;

use super::fault::Fault;
use super::link::Session;
use super::servers::Form;
use crate::retry::random;
use crate::{Durability, StoreIdentity};

/// What one server says about itself.
struct Server {
    /// The lines of `INFO`.
    info: HashMap<String, String>,
    /// What `CONFIG GET *append*` yields; `None` where that is forbidden.
    settings: Option<HashMap<String, String>>,
}

/// What the servers that grant say about themselves.
pub(super) struct Standing {
    form: Form,
    /// The one, the master, or all masters of a cluster.
    servers: Vec<Server>,
    /// Whether one of the cluster's replicas may become a master.
    may_promote: bool,
    /// How many replicas have to confirm a change.
    confirmed_by: u64,
}

impl Server {
    fn new(said: &str, settings: Option<HashMap<String, String>>) -> Self {
        let pairs = said.lines().filter_map(|line| line.split_once(':'));
        let info = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Self { info, settings }
    }

    fn info(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    /// What keeps it from keeping what it answers.
    fn flaws(&self) -> Vec<String> {
        let Some(settings) = &self.settings else {
            return vec!["its settings cannot be read, CONFIG is forbidden".to_owned()];
        };
        let due = [
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            // Else it does not sync while it rewrites its file.
            ("no-appendfsync-on-rewrite", "no"),
        ];
        let set = |name: &str| settings.get(name).map_or("unknown", String::as_str);
        let flawed = due.into_iter().filter(|(name, value)| set(name) != *value);
        flawed.map(|(name, _)| format!("{name} is {}", set(name))).collect()
    }

    /// Refuses what would lose a sequence or show an old one.
    fn check_fit(&self, form: Form) -> Result<(), Fault> {
        let mode = self.info("redis_mode");
        let next = match (form, mode) {
            (Form::One | Form::Watched, "standalone") | (Form::Cluster, "cluster") => None,
            (Form::Cluster, _) => Some("write redis:// and a single server"),
            (_, "cluster") => Some("write redis-cluster:// and one or more of its nodes"),
            (_, "sentinel") => Some("write redis-sentinel:// and the master's name as the path"),
            _ => Some("name a Redis server"),
        };
        if let Some(next) = next {
            return Err(Fault::Refused(format!("is a server in the mode '{mode}'; {next}")));
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
        Ok(())
    }
}

impl Standing {
    /// Asks anew: one may have been promoted, and settings changed, since the last time.
    pub(super) async fn ask(session: &Session) -> Result<Self, Fault> {
        let infos = session.connection.ask_each(&redis::cmd("INFO")).await?;
        let mut question = redis::cmd("CONFIG");
        question.arg("GET").arg("*append*");
        let settings = permitted(session.connection.ask_each(&question).await)?;
        let mut servers = Vec::new();
        for said in infos {
            servers.push(Server::new(&String::from_redis_value(said)?, None));
        }
        // Perhaps another server's, in a cluster; all are held to the same.
        if let Some(settings) = settings {
            for (server, settings) in servers.iter_mut().zip(settings) {
                server.settings = Some(HashMap::from_redis_value(settings)?);
            }
        }
        let may_promote = session.form == Form::Cluster && has_replicas(session).await?;
        let confirmed_by = session.confirmed_by();
        Ok(Self { form: session.form, servers, may_promote, confirmed_by })
    }

    /// Refuses what would lose a sequence or show an old one.
    pub(super) fn check_fit(&self, lossy: bool) -> Result<(), Fault> {
        if self.servers.is_empty() {
            return Err(Fault::Unfit("has no master; see CLUSTER NODES, and retry".to_owned()));
        }
        self.servers.iter().try_for_each(|server| server.check_fit(self.form))?;
        match self.durability() {
            Durability::MayLose(why) if !lossy => Err(Fault::Refused(format!(
                "may forget what it answered: {why}; {}, or write ?durability=lossy",
                match self.promotes() {
                    true => "use a server that no other replaces",
                    false => "set appendonly yes and appendfsync always",
                }
            ))),
            _ => Ok(()),
        }
    }

    /// Whether another server may take the place of one, without an operator.
    fn promotes(&self) -> bool {
        self.form == Form::Watched || self.may_promote
    }

    fn durability(&self) -> Durability {
        let mut flaws = Vec::new();
        if self.promotes() {
            flaws.push("a fail-over may promote a replica that lacks it".to_owned());
            if self.confirmed_by == 0 {
                flaws.push("a master that is cut off leases on, without ?wait=N".to_owned());
            }
        }
        for flaw in self.servers.iter().flat_map(Server::flaws) {
            if !flaws.contains(&flaw) {
                flaws.push(flaw);
            }
        }
        match flaws.is_empty() {
            true => Durability::Keeps,
            false => Durability::MayLose(flaws.join(", ")),
        }
    }

    fn identity(&self, id: String) -> StoreIdentity {
        let of =
            |server: &Server| format!("{}-{}", server.info("run_id"), server.info("master_replid"));
        let mut runs: Vec<String> = self.servers.iter().map(of).collect();
        runs.sort_unstable();
        StoreIdentity {
            backend: "redis",
            id,
            incarnation: runs.join("+"),
            durability: self.durability(),
            ceiling: u64::MAX,
        }
    }
}

/// What was told, or `None` where that is not allowed: hosts of others rename or forbid a command.
fn permitted<T>(told: redis::RedisResult<T>) -> Result<Option<T>, Fault> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(error) if matches!(error.code(), Some("NOPERM" | "ERR")) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the cluster has replicas, or hides whether it has.
async fn has_replicas(session: &Session) -> Result<bool, Fault> {
    let mut question = redis::cmd("CLUSTER");
    question.arg("NODES");
    let Some(told) = permitted(session.connection.ask(&question).await)? else { return Ok(true) };
    let nodes = String::from_redis_value(told)?;
    let mut flags = nodes.lines().filter_map(|line| line.split(' ').nth(2));
    Ok(flags.any(|flags| flags.split(',').any(|flag| flag == "slave")))
}

/// What an operator should know at start.
pub(super) async fn notes(session: Session) -> Result<Vec<String>, Fault> {
    Ok(match Standing::ask(&session).await?.durability() {
        Durability::Keeps => Vec::new(),
        Durability::MayLose(why) => vec![format!("this store may forget what it answered: {why}")],
    })
}

/// The key of the store's identity.
fn key(session: &Session) -> String {
    format!("{}:identity", session.prefix)
}

/// Makes an identity if there is none.
pub(super) async fn ensure(session: &Session) -> Result<(), Fault> {
    let id = format!("{:016x}{:016x}", random(), random());
    let key = key(session);
    // Waited for, too: a server that is promoted without it would be taken for another store.
    let _made: bool = session.change(redis::cmd("SETNX").arg(&key).arg(id), &key).await?;
    Ok(())
}

/// The identity of the keys, and the server's run and history of replication.
pub(super) async fn read(session: Session) -> Result<StoreIdentity, Fault> {
    let standing = Standing::ask(&session).await?;
    standing.check_fit(session.lossy)?;
    let id: Option<String> = session.ask(redis::cmd("GET").arg(key(&session))).await?;
    // Gone only if the keys were emptied under this connection; then there is another store.
    let id = id.ok_or_else(|| Fault::Damaged(format!("key {} is gone", key(&session))))?;
    Ok(standing.identity(id))
}

/// The identity of a counter: its server and key. Nothing of idgen's stands in the database.
pub(super) async fn of_counter(session: Session, id: String) -> Result<StoreIdentity, Fault> {
    let standing = Standing::ask(&session).await?;
    standing.check_fit(session.lossy)?;
    Ok(standing.identity(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn map(pairs: Pairs<'_>) -> HashMap<String, String> {
        pairs.iter().map(|pair| (pair.0.to_owned(), pair.1.to_owned())).collect()
    }

    fn server(info: Pairs<'_>, settings: Option<Pairs<'_>>) -> Server {
        let usual = [("redis_mode", "standalone"), ("role", "master")];
        Server { info: map(&[&usual, info].concat()), settings: settings.map(map) }
    }

    fn standing(form: Form, servers: Vec<Server>, may_promote: bool) -> Standing {
        Standing { form, servers, may_promote, confirmed_by: 0 }
    }

    fn alone(info: Pairs<'_>, settings: Option<Pairs<'_>>) -> Standing {
        standing(Form::One, vec![server(info, settings)], false)
    }

    const CLUSTER: (&str, &str) = ("redis_mode", "cluster");
    const KEPT: Pairs<'_> = &[
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("appendfilename", "appendonly.aof"),
    ];

    fn refusal(standing: &Standing, lossy: bool) -> String {
        match standing.check_fit(lossy) {
            Err(Fault::Refused(why) | Fault::Unfit(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_keeps_what_it_syncs_before_it_answers() {
        assert_eq!(alone(&[], Some(KEPT)).durability(), Durability::Keeps);
        for at in 0..3 {
            let mut settings = KEPT.to_vec();
            settings[at].1 = "everysec";
            let server = alone(&[], Some(&settings));
            let why = refusal(&server, false);
            assert!(why.contains(settings[at].0) && why.contains("durability=lossy"), "{why}");
            assert!(server.check_fit(true).is_ok());
        }
        assert!(refusal(&alone(&[], None), false).contains("CONFIG is forbidden"));
    }

    #[test]
    fn what_fails_over_may_lose_however_it_syncs() {
        let master = || server(&[], Some(KEPT));
        let node = || server(&[CLUSTER], Some(KEPT));
        assert_eq!(standing(Form::Cluster, vec![node()], false).durability(), Durability::Keeps);
        let watched = standing(Form::Watched, vec![master()], false);
        for promoting in [&watched, &standing(Form::Cluster, vec![node()], true)] {
            let why = refusal(promoting, false);
            assert!(why.contains("promote") && why.contains("durability=lossy"), "{why}");
            promoting.check_fit(true).unwrap();
            assert!(why.contains("wait=N"), "{why}");
        }
        let confirmed = Standing { confirmed_by: 1, ..watched };
        assert!(!refusal(&confirmed, false).contains("wait"));
    }

    #[test]
    fn one_node_that_forgets_makes_a_cluster_that_does() {
        let flawed = server(&[CLUSTER], Some(&[("appendonly", "no")]));
        let nodes = vec![server(&[CLUSTER], Some(KEPT)), flawed];
        let why = refusal(&standing(Form::Cluster, nodes, false), false);
        assert!(why.contains("appendonly is no"), "{why}");
        assert!(refusal(&standing(Form::Cluster, Vec::new(), false), true).contains("no master"));
    }

    #[test]
    fn an_incarnation_names_all_that_grant_in_one_order() {
        let run = |id| server(&[("run_id", id), ("master_replid", "r")], Some(KEPT));
        let of = |ids: &[&'static str]| {
            let servers = ids.iter().map(|id| run(id)).collect();
            standing(Form::Cluster, servers, false).identity(String::new()).incarnation
        };
        assert_eq!((of(&["b", "a"]).as_str(), of(&["a", "b"]).as_str()), ("a-r+b-r", "a-r+b-r"));
        assert_ne!(of(&["a", "c"]), of(&["a", "b"]));
    }

    #[test]
    fn what_loses_keys_or_shows_old_ones_is_refused_always() {
        let evicting = alone(&[("maxmemory_policy", "allkeys-lru")], Some(KEPT));
        assert!(refusal(&evicting, true).contains("allkeys-lru"));
        assert!(alone(&[("maxmemory_policy", "volatile-lru")], Some(KEPT)).check_fit(true).is_ok());
        let replica = alone(&[("role", "slave")], Some(KEPT));
        assert!(refusal(&replica, true).contains("name the primary"));
        let cluster = alone(&[CLUSTER], Some(KEPT));
        assert!(refusal(&cluster, true).contains("redis-cluster://"));
        let sentinel = alone(&[("redis_mode", "sentinel")], Some(KEPT));
        assert!(refusal(&sentinel, true).contains("redis-sentinel://"));
        let single = standing(Form::Cluster, vec![server(&[], Some(KEPT))], false);
        assert!(refusal(&single, true).contains("a single server"));
    }
}
