//! MariaDB.

use std::path::Path;

use super::catalog::{Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;

pub(super) struct MariaDb;

/// Run at every start, and right at each: the account may do what tests do to a server.
const ACCOUNT: &str = "\
CREATE DATABASE IF NOT EXISTS idgen;
CREATE USER IF NOT EXISTS 'idgen'@'%' IDENTIFIED BY 'idgen';
GRANT ALL PRIVILEGES ON *.* TO 'idgen'@'%' WITH GRANT OPTION;
";

impl Service for MariaDb {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn needs(&self) -> &'static [Need] {
        const SERVER: &[&str] = &["mariadb-server"];
        &[
            Need { program: "mariadbd", packages: SERVER },
            Need { program: "mariadb-install-db", packages: SERVER },
            Need { program: "mariadb", packages: &["mariadb-client"] },
        ]
    }

    fn processes(&self) -> &'static [&'static str] {
        &["mysql"]
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        site.write(&site.folder.join("account.sql"), ACCOUNT)?;
        let install = words![
            program("mariadb-install-db"),
            "--no-defaults",
            format!("--datadir={}", site.nodes[0].data.display()),
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ];
        site.run(&install, Path::new("/dev/null"))
    }

    fn command(&self, site: &Site, index: usize) -> Vec<String> {
        let node = &site.nodes[index];
        words![
            program("mariadbd"),
            "--no-defaults",
            format!("--datadir={}", node.data.display()),
            format!("--tmpdir={}", node.data.display()),
            format!("--port={}", node.port),
            "--bind-address=127.0.0.1",
            // In the data folder by its name alone: a whole path may be too long for a socket.
            "--socket=mysql.sock",
            "--skip-name-resolve",
            format!("--init-file={}", site.folder.join("account.sql").display()),
            // As in Debian's configuration, which is not read.
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=24M",
            "--innodb-log-file-size=16M",
            "--key-buffer-size=1M",
            "--aria-pagecache-buffer-size=1M",
            "--max-connections=500",
            // Tests cut connections by the hundred.
            "--max-connect-errors=1000000",
        ]
    }

    fn probe(&self, site: &Site, index: usize) -> Probe {
        Probe::Serves(words![
            program("mariadb"),
            "--no-defaults",
            "--host=127.0.0.1",
            format!("--port={}", site.nodes[index].port),
            "--user=idgen",
            "--password=idgen",
            "--connect-timeout=2",
            "--execute=SELECT 1",
            "idgen",
        ])
    }

    fn url(&self, site: &Site) -> String {
        format!("mysql://idgen:idgen@127.0.0.1:{}/idgen", site.nodes[0].port)
    }
}
