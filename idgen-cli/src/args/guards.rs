//! What a server looks at before it issues, and while it does.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use idgen_runtime::{Settings, ThisMachine};

use crate::failure::Failure;

/// Limits of the guards.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct GuardArgs {
    /// How far this host's clock may be off, in milliseconds [default: 5000]. A server refuses to
    /// start if its clock is further than this from those of half the servers that hold a worker
    /// id of its id space, or if ids would begin further than a lease and this ahead of its clock.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..),
        allow_negative_numbers = true)]
    pub(crate) clock_limit_ms: Option<u64>,
    /// A file whose content changes with each copy that is made of this machine, such as the
    /// hypervisor's generation written there by an agent. When it changes, and when another boot
    /// id or a jump of the clock says that this may be a copy, worker ids and segments are leased
    /// anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) vm_generation: Option<PathBuf>,
    /// How long a worker lease lasts, in milliseconds [default: 10000]. It is renewed after three
    /// tenths of it. Without the registry ids go on until it ends, and a pinned worker id whose
    /// server is lost is free again after it.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1_000..=3_600_000),
        allow_negative_numbers = true)]
    pub(crate) lease_ms: Option<u64>,
}

impl GuardArgs {
    /// Settings of a runtime with these limits.
    ///
    /// # Errors
    ///
    /// The file of the generation cannot be read.
    pub(crate) fn apply(&self, mut settings: Settings) -> Result<Settings, Failure> {
        settings.clock_limit_ms = self.clock_limit_ms.unwrap_or(settings.clock_limit_ms);
        settings.lease_ms = self.lease_ms.unwrap_or(settings.lease_ms);
        if let Some(path) = &self.vm_generation {
            let machine = ThisMachine::with_generation(path).map_err(|error| {
                let path = path.display();
                Failure::usage(format!(
                    "--vm-generation {path}: {error}; name a file that is there"
                ))
            })?;
            settings.machine = Some(Arc::new(machine));
        }
        Ok(settings)
    }
}
