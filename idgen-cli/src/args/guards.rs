//! What a server looks at before it issues, and while it does.

use clap::Args as ClapArgs;
use idgen_runtime::Settings;

/// Limits of the guards.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct GuardArgs {
    /// How far this host's clock may be off, in milliseconds [default: 5000]. A server refuses to
    /// start if its clock is further than this from those of half the servers that hold a worker
    /// id of its id space, or if ids would begin further than a lease and this ahead of its clock.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..),
        allow_negative_numbers = true)]
    pub(crate) clock_limit_ms: Option<u64>,
}

impl GuardArgs {
    /// Settings of a runtime with these limits.
    pub(crate) fn apply(&self, settings: Settings) -> Settings {
        let clock_limit_ms = self.clock_limit_ms.unwrap_or(settings.clock_limit_ms);
        Settings { clock_limit_ms, ..settings }
    }
}
