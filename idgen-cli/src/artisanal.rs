//! Artisanal integers under the original's names: `idgen int` and `idgen intd-server`.

mod engine;
mod mint;
mod server;

use idgen_store::{Definition, Name, Order};

use crate::args::tools::EngineArgs;
use crate::failure::Failure;
use crate::wanted::Wanted;

pub(crate) use mint::run as int;
pub(crate) use server::run as intd_server;

/// The original's increment and, where only the increment is given, its offset.
const INCREMENT: u64 = 2;
const OFFSET: u64 = 1;

/// What the original's engines count when nothing else is said: 2, 4, 6, ...
pub(crate) fn usual_series() -> Result<Definition, Failure> {
    series(INCREMENT, 0)
}

fn series(increment: u64, offset: u64) -> Result<Definition, Failure> {
    Definition::new(1, increment, offset, u64::MAX, Order::Leased)
        .map_err(|error| Failure::usage(error.to_string()))
}

/// A number of the flags; 0 is the original's way to say none.
fn given(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

impl EngineArgs {
    /// The sequence behind the engine, and what the flags want of it.
    ///
    /// A counter that was adopted has its progression in its URL. A sequence of idgen's own keeps
    /// it in the store, and is altered if the flags name another.
    fn wanted(&self) -> Result<Wanted, Failure> {
        let name = Name::new(&self.set_key).map_err(|error| {
            Failure::usage(format!("--set-key '{}': {error}", self.set_key.escape_debug()))
        })?;
        let (increment, offset) = (given(self.set_increment), given(self.set_offset));
        let alters = (increment.is_some() || offset.is_some()) && !self.engine.is_adopted();
        let fresh = match alters {
            true => series(increment.unwrap_or(INCREMENT), offset.unwrap_or(OFFSET))?,
            false => usual_series()?,
        };
        Ok(Wanted { name, fresh, alters, last: given(self.set_last_int) })
    }

    /// The same with what was being done in front of a failure.
    fn explain(&self, failure: Failure) -> Failure {
        failure.while_doing(&format!("engine {}", self.engine.name()))
    }
}
