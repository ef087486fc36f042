//! MariaDB, in the clear and encrypted.

use std::path::Path;

use super::authority::{self, Authority};
use super::catalog::{Service, Site, words};
use super::install::{Need, program};
use super::probe::Probe;

pub(super) struct MariaDb {
    /// The service and its one process.
    pub(super) names: &'static [&'static str; 1],
    /// It also takes encrypted connections, by a certificate for 127.0.0.1; and it folds the names
    /// of tables, as servers on other systems do.
    pub(super) is_other: bool,
}

const SERVER: &[&str] = &["mariadb-server"];

const NEEDS: &[Need] = &[
    Need { program: "mariadbd", packages: SERVER },
    Need { program: "mariadb-install-db", packages: SERVER },
    Need { program: "mariadb", packages: &["mariadb-client"] },
    authority::NEED,
];

/// Run at every start, and right at each: the account may do what tests do to a server.
const ACCOUNT: &str = "\
CREATE DATABASE IF NOT EXISTS idgen;
CREATE USER IF NOT EXISTS 'idgen'@'%' IDENTIFIED BY 'idgen';
GRANT ALL PRIVILEGES ON *.* TO 'idgen'@'%' WITH GRANT OPTION;
";

impl Service for MariaDb {
    fn name(&self) -> &'static str {
        self.names[0]
    }

    fn needs(&self) -> &'static [Need] {
        if self.is_other { NEEDS } else { &NEEDS[..NEEDS.len() - 1] }
    }

    fn processes(&self) -> &'static [&'static str] {
        self.names
    }

    fn prepare(&self, site: &Site) -> Result<(), String> {
        site.write(&site.folder.join("account.sql"), ACCOUNT)?;
        if self.is_other {
            Authority::of(&site.folder).make(site)?;
        }
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
        let mut command = words![
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
        ];
        if self.is_other {
            let authority = Authority::of(&site.folder);
            let option = |name: &str, file: &str| format!("--ssl-{name}={}", authority.file(file));
            command.extend([
                option("ca", "ca.pem"),
                option("cert", "server.pem"),
                option("key", "server.key"),
                "--lower-case-table-names=1".to_owned(),
            ]);
        }
        command
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
        let url = format!("mysql://idgen:idgen@127.0.0.1:{}/idgen", site.nodes[0].port);
        let ca = Authority::of(&site.folder).file("ca.pem");
        if self.is_other { format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}") } else { url }
    }
}
