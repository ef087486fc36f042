//! The arguments of the tools under their old names.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::doors::{NodesArgs, PotArgs};
use super::guards::GuardArgs;
use super::worker_id::UnrecordedArgs;
use super::{Listen, PlaceArgs, RegistryArgs};

/// What the original calls an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// This process; forgotten when it ends.
    Memory,
    /// A file on this host.
    Sqlite,
    /// The original's table of MySQL or MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// The original's key of Redis.
    Redis,
    /// The original's table of rqlite.
    Rqlite,
    /// The original's key of SummitDB.
    Summitdb,
    /// etcd.
    Etcd,
    /// ZooKeeper.
    Zookeeper,
}

/// Where artisanal integers come from.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct EngineArgs {
    /// What keeps the counter.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) engine: Engine,
    /// Where it is: redis://HOST:PORT, HOST:PORT, http://HOST:PORT for rqlite,
    /// USER:PASSWORD@/DATABASE or USER:PASSWORD@tcp(HOST:PORT)/DATABASE for mysql, a path for
    /// sqlite, or a URL as for 'idgen serve --store'
    /// [default: the engine's usual port on this host, where it has one].
    #[arg(long, value_name = "DSN", default_value = "", hide_default_value = true)]
    pub(crate) dsn: String,
    /// Let the next integer lie above this number; refused if that would lower the counter.
    #[arg(long, value_name = "INT", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) set_last_int: u64,
    /// Mint integers so far apart: those that leave --set-offset (or 1) when divided by this.
    #[arg(long, value_name = "INT", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) set_increment: u64,
    /// What each integer leaves when divided by --set-increment (or 2).
    #[arg(long, value_name = "INT", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) set_offset: u64,
    /// The counter: a key, a table or, where the engine has no original, a sequence of idgen's.
    #[arg(long, value_name = "KEY", default_value = "integers")]
    pub(crate) set_key: String,
}

/// `idgen int`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
This is int of go-artisanal-integers; each flag may have one dash or two. It works on the original's
own keys and tables, beside originals that still run. What differs:
  a number takes exactly one step of the counter, whatever the flags
  -set-last-int, -set-increment and -set-offset mean the same on every engine; 0 sets nothing
  -set-last-int works on a fresh store, never lowers a counter and is one atomic step
  engines sqlite, postgres, etcd and zookeeper, and -set-key, are new
  counters end with an error instead of wrapping
With neither increment nor offset: 1, 3, 5 from mysql, 1, 2, 3 from rqlite, else 2, 4, 6.

Examples:
  idgen int -engine redis -dsn redis://localhost:6379
  idgen int -engine mysql -dsn 'me:secret@/db' -set-last-int 1000
  idgen int -engine summitdb -dsn redis://localhost:7481 -continuous")]
pub(crate) struct IntArgs {
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Mint integer after integer, through fail-overs, until it is stopped.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, hide_possible_values = true,
        value_parser = clap::builder::BoolishValueParser::new(), value_name = "BOOL")]
    pub(crate) continuous: bool,
}

/// How `idgen intd-server` is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// GET or POST on / answers an integer.
    Http,
    /// A connection is sent an integer and closed.
    Tcp,
}

/// `idgen intd-server`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
This is intd-server of go-artisanal-integers; each flag may have one dash or two, and those of the
engine are as for 'idgen int'. What differs:
  integers are leased by the segment: a crash may leave a gap, and several servers
  interleave unless --nodes says how many there are
  over HTTP only GET and POST of / mint; a favicon costs nothing
  while the engine is down it answers 503 and goes on by itself

Examples:
  idgen intd-server -engine mysql -dsn 'me:secret@/db'
  idgen intd-server -engine redis -protocol tcp -host 0.0.0.0 -port 9000")]
pub(crate) struct IntdServerArgs {
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// How it is spoken to.
    #[arg(long, value_enum, default_value_t = Protocol::Http)]
    pub(crate) protocol: Protocol,
    /// The host name or address to listen on.
    #[arg(long, default_value = "localhost")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080, allow_negative_numbers = true)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) nodes: NodesArgs,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// The memory of a server whose original has none.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct JournalArgs {
    /// Keep a journal there, one directory for each server: it notices at start if the database
    /// was put back to an older state [default: none is kept].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// `idgen idpot-server`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
This is idpot-server of go-idpot, on its tables and with its configuration file, beside originals
that still run; each flag may have one dash or two. The file's keys, and what they are without:
  [Server]
  Listen         0.0.0.0:8080
  LogFile        access log, a strftime pattern, a new file whenever it names another one
                 [standard error]
  LogLinkName    a symbolic link to the current log [none]
  [Mysql]
  ConnectString  USER:PASSWORD@tcp(HOST:PORT)/DATABASE; overrules what follows
  Hostname 127.0.0.1, Port 3306, Username root, Password, Dbname idpot
SERVER_STARTER_PORT hands over a socket, its first, in place of Listen. What differs:
  ids are leased by the segment: a crash may leave a gap, and several servers
  interleave unless --nodes says how many there are
  a pot is created by clients on this host, or with the token of --admin-token-file
  a pot that exists is 409, one that is unknown 404, an outage 503; the original has 500 or 404
  new tables are InnoDB; old log files are never deleted

Examples:
  idgen idpot-server --config=/etc/idpot.gcfg
  idgen idpot-server -config idpot.gcfg -listen 127.0.0.1:8080")]
pub(crate) struct IdpotServerArgs {
    /// The configuration file; '' for none.
    #[arg(long, value_name = "FILE", default_value = "idpot.gcfg")]
    pub(crate) config: PathBuf,
    /// The address to listen on; overrules the file.
    #[arg(long, value_name = "ADDR", default_value = "", hide_default_value = true)]
    pub(crate) listen: String,
    #[command(flatten)]
    pub(crate) pots: PotArgs,
    /// Address of administration, or off. Whoever reaches it may change pots.
    #[arg(long, value_name = "ADDR", default_value = "off")]
    pub(crate) admin: Listen,
    #[command(flatten)]
    pub(crate) nodes: NodesArgs,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// `idgen idpool`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
This is idpool, on its tables and with its configuration file, beside originals that still run;
each flag may have one dash or two. DIR/config.yaml has
  server.http.addr   the address to listen on [default: 0.0.0.0:8087]
  data.mysql.dsn     USER:PASSWORD@tcp(HOST:PORT)/DATABASE
  data.redis.addrs   read and not used, as in the original
Other keys are named in the log and not used.

Example:
  idgen idpool -conf ./configs")]
pub(crate) struct IdpoolArgs {
    /// The directory of config.yaml, or the file itself.
    #[arg(long, value_name = "DIR")]
    pub(crate) conf: PathBuf,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// `idgen genid`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
This is GenID's server with its configuration file; each flag may have one dash or two. The file has
  port, zone_id (0 to 31), dc_id (0 to 7), machine_id (0 to 7), each 0 if it is missing
Port 0 takes a free one. What differs:
  the bucket is part of the id, and nothing repeats: not in a second, not over a restart, not on a
  clock set back; that needs a file in the data directory, one for each server
  it listens on this host alone, unless --host says otherwise

Examples:
  idgen genid -config config.json
  idgen genid -config config.json --host 0.0.0.0 --data-dir /var/lib/genid")]
pub(crate) struct GenidArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "config.json")]
    pub(crate) config: PathBuf,
    /// The host name or address to listen on; 0.0.0.0 for every network, as the original.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    #[command(flatten)]
    pub(crate) unrecorded: UnrecordedArgs,
}
