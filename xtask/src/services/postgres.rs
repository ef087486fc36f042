//! PostgreSQL, in the clear and encrypted.

use super::authority::{self, Authority};
use super::catalog::{Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;

pub(super) struct Postgres {
    /// The service and its one process.
    pub(super) names: &'static [&'static str; 1],
    /// It also takes encrypted connections, by a certificate for 127.0.0.1.
    pub(super) encrypts: bool,
}

const SERVER: &[&str] = &["postgresql"];

const NEEDS: &[Need] = &[
    Need { program: "postgres", packages: SERVER },
    Need { program: "initdb", packages: SERVER },
    Need { program: "pg_isready", packages: SERVER },
    authority::NEED,
];

impl Service for Postgres {
    fn name(&self) -> &'static str {
        self.names[0]
    }

    fn needs(&self) -> &'static [Need] {
        if self.encrypts { NEEDS } else { &NEEDS[..NEEDS.len() - 1] }
    }

    fn processes(&self) -> &'static [&'static str] {
        self.names
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        if self.encrypts {
            Authority::of(&site.folder).make(site)?;
        }
        let [password, database] = ["password", "database.sql"].map(|name| site.folder.join(name));
        site.write(&password, "idgen\n")?;
        site.write(&database, "CREATE DATABASE idgen;\n")?;
        let data = site.nodes[0].data.to_string_lossy().into_owned();
        let initdb = words![
            program("initdb"),
            format!("--pgdata={data}"),
            "--username=idgen",
            format!("--pwfile={}", password.display()),
            "--auth-host=scram-sha-256",
            "--auth-local=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            // What initdb writes outlives a killed server; the server itself syncs.
            "--no-sync",
        ];
        site.run(&initdb, std::path::Path::new("/dev/null"))?;
        let single = words![program("postgres"), "--single", "-D", data, "postgres"];
        site.run(&single, &database)
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        let node = &site.nodes[index];
        let mut command = words![
            program("postgres"),
            "-D",
            node.data.to_string_lossy().into_owned(),
            "-h",
            "127.0.0.1",
            "-p",
            node.port.to_string(),
        ];
        for setting in [
            "unix_socket_directories=",
            "fsync=on",
            "synchronous_commit=on",
            "shared_buffers=16MB",
            "max_connections=200",
        ] {
            command.extend(words!["-c", setting]);
        }
        if self.encrypts {
            let authority = Authority::of(&site.folder);
            for (setting, file) in [("ssl_cert_file", "server.pem"), ("ssl_key_file", "server.key")]
            {
                command.extend(words!["-c", format!("{setting}={}", authority.file(file))]);
            }
            command.extend(words!["-c", "ssl=on"]);
        }
        command
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        let port = site.nodes[index].port.to_string();
        Probe::Serves(words![program("pg_isready"), "-h", "127.0.0.1", "-p", port, "-t", "2"])
    }

    fn url(&self, site: &Site) -> String {
        let url = format!("postgres://idgen:idgen@127.0.0.1:{}/idgen", site.nodes[0].port);
        let ca = Authority::of(&site.folder).file("ca.pem");
        if self.encrypts { format!("{url}?sslmode=verify-full&sslrootcert={ca}") } else { url }
    }

    /// The one that sends clients away; `TERM` would wait for them.
    fn stop_signal(&self) -> &'static str {
        "INT"
    }
}
