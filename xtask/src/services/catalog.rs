//! The services there are, and what each has to tell.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use super::etcd::Etcd;
use super::install::Need;
use super::mysql::MariaDb;
use super::postgres::Postgres;
use super::probe::Probe;
use super::process::{self, NOBODY};
use super::redis::Redis;
use super::redis_sets::{Cluster, Sentinel};
use super::redis_tls::RedisTls;
use super::rqlite::Rqlite;
use super::state::Record;
use super::summitdb::SummitDb;
use super::zookeeper::ZooKeeper;
use crate::suite;

/// One server or several that belong together, with an address for tests.
pub(super) trait Service: Sync {
    /// That of the store's feature; several services of one feature are told apart behind a `-`.
    fn name(&self) -> &'static str;

    fn needs(&self) -> &'static [Need];

    /// Its processes, in the order of their start.
    fn processes(&self) -> &'static [&'static str];

    /// Fills the empty data folders, before the first start.
    fn prepare(&self, site: &Site) -> Result<(), String>;

    /// Starts a process on what lies in its folder: the first time and after a kill alike.
    fn command(&self, site: &Site, index: usize) -> Vec<String>;

    /// When a process is ready for the start of the next.
    fn probe(&self, site: &Site, index: usize) -> Probe;

    /// What has to hold before the start of a process, beside the probes of those before it.
    fn joined_before(&self, _: &Site, _: usize) -> Option<Probe> {
        None
    }

    /// Joins the processes when all run for the first time.
    fn join(&self, _: &Site) -> Result<(), String> {
        Ok(())
    }

    /// What holds once all is ready for tests, beside what the processes' own probes tell.
    fn settled(&self, _: &Site) -> Vec<Probe> {
        Vec::new()
    }

    /// What tests open.
    fn url(&self, site: &Site) -> String;

    /// The signal of a clean stop that waits for no client.
    fn stop_signal(&self) -> &'static str {
        "TERM"
    }
}

pub(super) static ALL: [&dyn Service; 13] = [
    &MariaDb { names: &["mysql"], is_other: false },
    &MariaDb { names: &["mysql-tls"], is_other: true },
    &Postgres { names: &["postgres"], encrypts: false },
    &Postgres { names: &["postgres-tls"], encrypts: true },
    &Redis { name: "redis", processes: &["redis"], persistence: "appendonly yes" },
    &Redis { name: "redis-volatile", processes: &["redis-volatile"], persistence: "appendonly no" },
    &RedisTls,
    &Sentinel,
    &Cluster,
    &Etcd,
    &ZooKeeper,
    &Rqlite,
    &SummitDb,
];

pub(super) fn service(name: &str) -> Option<&'static dyn Service> {
    ALL.iter().copied().find(|service| service.name() == name)
}

/// `IDGEN_TEST_REDIS_CLUSTER_URL` of `redis-cluster`.
pub(crate) fn variable(service: &str) -> String {
    format!("IDGEN_TEST_{}_URL", service.to_uppercase().replace('-', "_"))
}

/// Where one service keeps its data and listens.
pub(super) struct Site {
    pub(super) folder: PathBuf,
    pub(super) nodes: Vec<Node>,
}

/// One process of a service.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) peer_port: u16,
    pub(super) data: PathBuf,
}

impl Site {
    /// The site of a service, below the folder of all, with as many ports as it takes.
    pub(super) fn new(
        service: &dyn Service,
        all: &Path,
        mut port: impl FnMut() -> Result<u16, String>,
    ) -> Result<Self, String> {
        let folder = all.join(service.name());
        let nodes = service.processes().iter().map(|&name| {
            let (port, peer_port) = (port()?, port()?);
            Ok(Node { name: name.to_owned(), port, peer_port, data: folder.join(name) })
        });
        let nodes = nodes.collect::<Result<_, String>>()?;
        Ok(Self { folder, nodes })
    }

    /// The site of a service that was started before, from its records.
    pub(super) fn known<'a>(records: impl Iterator<Item = &'a Record>) -> Option<Self> {
        let node = |record: &Record| Node {
            name: record.name.clone(),
            port: record.port,
            peer_port: record.peer_port,
            data: record.data.clone(),
        };
        let nodes: Vec<Node> = records.map(node).collect();
        let folder = nodes.first()?.data.parent()?.to_path_buf();
        Some(Self { folder, nodes })
    }

    /// Makes the folders anew; nothing of an earlier start is left in them.
    pub(super) fn clear(&self) -> Result<(), String> {
        remove(&self.folder)?;
        for folder in [&self.folder].into_iter().chain(self.nodes.iter().map(|node| &node.data)) {
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
            hand_over(folder)?;
        }
        Ok(())
    }

    /// Writes a file that the server may read and change.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), String> {
        std::fs::write(path, text).map_err(|error| failed(path, &error))?;
        hand_over(path)
    }

    /// Runs a command as the server's user.
    pub(super) fn run(&self, words: &[String], input: &Path) -> Result<(), String> {
        process::complete(words, &self.folder, input)
    }

    /// `127.0.0.1:PORT,...` of the nodes from one on.
    pub(super) fn addresses(&self, from: usize) -> String {
        let each = self.nodes[from..].iter().map(|node| format!("127.0.0.1:{}", node.port));
        each.collect::<Vec<_>>().join(",")
    }
}

/// Removes a folder with all in it, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(folder, &error)),
        _ => Ok(()),
    }
}

fn hand_over(path: &Path) -> Result<(), String> {
    match suite::is_root() {
        true => chown(path, Some(NOBODY), Some(NOBODY)).map_err(|error| failed(path, &error)),
        false => Ok(()),
    }
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}; see its rights and the disk", path.display())
}

/// Words of a command line, some of them made up.
macro_rules! words {
    ($($word:expr),+ $(,)?) => { vec![$(String::from($word)),+] };
}
pub(super) use words;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn site(service: &dyn Service) -> Site {
        let mut last = 10_000;
        let next = || {
            last += 1;
            Ok(last)
        };
        Site::new(service, Path::new("/all"), next).unwrap()
    }

    #[test]
    fn names_are_unique_and_processes_told_apart() {
        let names: BTreeSet<_> = ALL.iter().map(|service| service.name()).collect();
        let processes: Vec<_> = ALL.iter().flat_map(|service| service.processes()).collect();
        assert_eq!(names.len(), ALL.len());
        assert_eq!(processes.iter().collect::<BTreeSet<_>>().len(), processes.len());
        for service in ALL {
            let own = service.processes();
            assert!(own.len() == 1 || !own.contains(&service.name()), "{}", service.name());
            assert!(own.iter().all(|name| name.starts_with(service.name())));
        }
    }

    #[test]
    fn variables_are_the_ones_that_tests_read() {
        assert_eq!(variable("mysql"), "IDGEN_TEST_MYSQL_URL");
        assert_eq!(variable("redis-cluster"), "IDGEN_TEST_REDIS_CLUSTER_URL");
    }

    #[test]
    fn urls_name_the_addresses() {
        let url = |name: &str| {
            let service = service(name).unwrap();
            service.url(&site(service))
        };
        assert_eq!(url("mysql"), "mysql://idgen:idgen@127.0.0.1:10001/idgen");
        assert_eq!(url("postgres"), "postgres://idgen:idgen@127.0.0.1:10001/idgen");
        assert_eq!(url("redis"), "redis://127.0.0.1:10001");
        assert_eq!(url("redis-volatile"), "redis://127.0.0.1:10001");
        let (plain, ca) = (url("mysql"), "/all/mysql-tls/ca.pem");
        let due = format!("{plain}?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}");
        assert_eq!(url("mysql-tls"), due);
        let (plain, ca) = (url("postgres"), "/all/postgres-tls/ca.pem");
        assert_eq!(url("postgres-tls"), format!("{plain}?sslmode=verify-full&sslrootcert={ca}"));
        let ca = "/all/redis-tls/redis-tls/ca.pem";
        assert_eq!(url("redis-tls"), format!("rediss://127.0.0.1:10001?tls_ca={ca}"));
        let sentinels = "127.0.0.1:10007,127.0.0.1:10009,127.0.0.1:10011";
        assert_eq!(url("redis-sentinel"), format!("redis-sentinel://{sentinels}/idgen"));
        let nodes = "127.0.0.1:10001,127.0.0.1:10003,127.0.0.1:10005";
        assert_eq!(url("redis-cluster"), format!("redis-cluster://{nodes}"));
        assert_eq!(url("etcd"), "etcd://127.0.0.1:10001");
        assert_eq!(url("zookeeper"), "zookeeper://127.0.0.1:10001");
        assert_eq!(url("rqlite"), "rqlite://127.0.0.1:10001");
        assert_eq!(url("summitdb"), "summitdb://127.0.0.1:10001");
    }

    #[test]
    fn a_restart_has_the_same_command() {
        for service in ALL {
            let site = site(service);
            let records: Vec<Record> = (0..site.nodes.len())
                .map(|index| Record {
                    service: service.name().to_owned(),
                    name: site.nodes[index].name.clone(),
                    port: site.nodes[index].port,
                    peer_port: site.nodes[index].peer_port,
                    identity: None,
                    data: site.nodes[index].data.clone(),
                    log: PathBuf::new(),
                    command: service.command(&site, index),
                })
                .collect();
            let known = Site::known(records.iter()).unwrap();
            assert_eq!(known.folder, site.folder);
            for (index, record) in records.iter().enumerate() {
                assert_eq!(service.command(&known, index), record.command);
            }
        }
        assert!(Site::known([].iter()).is_none());
    }
}
