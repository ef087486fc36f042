//! The arguments of the doors that replace other systems.

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use idgen_server::{PotCreate, Token};

use super::Listen;
use crate::failure::Failure;

/// Who may create pots.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct PotArgs {
    /// Where idpot's clients may create pots.
    #[arg(long, value_enum, default_value_t = PotCreateArg::Data)]
    pub(crate) pot_create: PotCreateArg,
    /// A file with a token of 16 characters or more; clients of idpot on other hosts may create
    /// pots on the HTTP address if they send it as 'Authorization: Bearer TOKEN'.
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
}

/// How many servers there are.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct NodesArgs {
    /// How many servers issue from the store, all told the same. With more than one, each id or
    /// batch of an adopted counter (pots of idpot, tickets of Flickr, a key) is one durable step:
    /// ids rise over all servers and the last id that is shown is exact. A sequence of idgen's own
    /// says so itself, see 'idgen sequence create --order'.
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    pub(crate) nodes: NonZeroU32,
}

/// Doors of `idgen serve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DoorArgs {
    /// Address of idgen's own binary protocol, which idgen-client speaks, or off.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3779")]
    pub(crate) native: Listen,
    #[command(flatten)]
    pub(crate) pots: PotArgs,
    /// Address of artisanal integers over HTTP, or off.
    #[arg(long, value_name = "ADDR", default_value = "off")]
    pub(crate) artisanal_http: Listen,
    /// Address of artisanal integers over TCP, or off.
    #[arg(long, value_name = "ADDR", default_value = "off")]
    pub(crate) artisanal_tcp: Listen,
    /// The sequence that the artisanal doors serve; created as 2, 4, 6, ... if there is none.
    #[arg(long, value_name = "SEQUENCE", default_value = "integers")]
    pub(crate) artisanal_sequence: String,
    #[command(flatten)]
    pub(crate) number: NumberArgs,
}

/// The door that tells the number of this process.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct NumberArgs {
    /// Address of GET /sequence, or off: the number of this server among all that share a
    /// ZooKeeper, sequence servers of example-sequence-server-zookeeper included. It is 1 or above,
    /// the lowest that is free at the first request, and no worker id.
    #[arg(long, value_name = "ADDR", default_value = "off")]
    pub(crate) sequence_http: Listen,
    /// The ZooKeeper that keeps those numbers, HOST:PORT,.../PATH, or a zookeeper:// URL
    /// [default: what the environment says in Zookeeper__ConnectionString].
    #[arg(long, value_name = "SERVERS")]
    pub(crate) sequence_zookeeper: Option<String>,
    /// After this time without a word of this server its number is another's [default: what the
    /// environment says in Zookeeper__SessionTimeoutMs, or 5000].
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    pub(crate) sequence_session_timeout_ms: Option<u64>,
}

impl DoorArgs {
    /// Whether anybody may ask for artisanal integers.
    pub(crate) fn artisanal(&self) -> bool {
        !self.artisanal_http.is_off() || !self.artisanal_tcp.is_off()
    }
}

impl PotArgs {
    /// The token of the file, without the line's end.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no token; what it holds is never told.
    pub(crate) fn admin_token(&self) -> Result<Option<Token>, Failure> {
        let Some(path) = &self.admin_token_file else { return Ok(None) };
        let wrong =
            |why: String| Failure::usage(format!("--admin-token-file {}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| {
            wrong(format!("{error}; see that the path is right and the file readable"))
        })?;
        Token::new(text.trim_end()).map(Some).map_err(|error| wrong(error.to_string()))
    }
}

/// Where idpot's clients may create pots.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum PotCreateArg {
    #[default]
    /// On the HTTP address, for peers on this host and those with the admin token.
    Data,
    /// On the admin address.
    Admin,
    /// Nowhere.
    Off,
}

impl From<PotCreateArg> for PotCreate {
    fn from(place: PotCreateArg) -> Self {
        match place {
            PotCreateArg::Data => Self::Data,
            PotCreateArg::Admin => Self::Admin,
            PotCreateArg::Off => Self::Off,
        }
    }
}
