//! The arguments of the doors that replace other systems.

use clap::{Args as ClapArgs, ValueEnum};
use idgen_server::PotCreate;

use super::Listen;

/// Doors of `idgen serve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct DoorArgs {
    /// Where idpot's clients may create pots.
    #[arg(long, value_enum, default_value_t = PotCreateArg::Data)]
    pub(crate) pot_create: PotCreateArg,
    /// Address of artisanal integers over HTTP, or off.
    #[arg(long, value_name = "ADDR", default_value = "off")]
    pub(crate) artisanal_http: Listen,
    /// Address of artisanal integers over TCP, or off.
    #[arg(long, value_name = "ADDR", default_value = "off")]
    pub(crate) artisanal_tcp: Listen,
    /// The sequence that the artisanal doors serve; created as 2, 4, 6, ... if there is none.
    #[arg(long, value_name = "SEQUENCE", default_value = "integers")]
    pub(crate) artisanal_sequence: String,
}

impl DoorArgs {
    /// Whether anybody may ask for artisanal integers.
    pub(crate) fn artisanal(&self) -> bool {
        !self.artisanal_http.is_off() || !self.artisanal_tcp.is_off()
    }
}

/// Where idpot's clients may create pots.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PotCreateArg {
    /// On the HTTP address, for peers on this host.
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
