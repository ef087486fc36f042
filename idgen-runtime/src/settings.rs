//! What an embedder may set.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use idgen_snowflake::Layout;
use idgen_store::{Name, NameError, Wish};

use crate::clocks::ClockKind;
use crate::copies::Machine;
use crate::peers::Peers;

/// Settings of a [`Runtime`](crate::Runtime); the defaults suit a server on one machine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where this process keeps its guard journal and soft horizons. Without one, a restart after
    /// a crash waits for its lease's horizon, and a store that went back is noticed only by a
    /// process that saw it further.
    pub state_dir: Option<PathBuf>,
    /// Which clock snowflakes are stamped by.
    pub clock: ClockKind,
    /// For how long a sequence shall go on without its store, in milliseconds at its recent rate.
    pub reserve_ms: u64,
    /// The shortest segment asked for, in ids; at least 1.
    pub min_step: u64,
    /// The longest segment asked for, in ids; at most 2^32.
    pub max_step: u64,
    /// How long a worker lease lasts, in milliseconds. It is renewed after three tenths of it.
    pub lease_ms: u64,
    /// How far this clock may be off, in milliseconds. A node refuses to start if its clock is
    /// further than this from those of half its peers, and if ids would begin further than a lease
    /// and this ahead of its clock, as after a clock that was set back. A wall clock that goes
    /// further ahead than this at once is taken for the sign of a copied machine.
    pub clock_limit_ms: u64,
    /// How long one call to a store may take.
    pub store_timeout: Duration,
    /// What is looked at for signs of a copy; [`ThisMachine`](crate::ThisMachine) if it is `None`,
    /// and nothing in a simulated world.
    pub machine: Option<Arc<dyn Machine>>,
    /// All other nodes that issue from the store: a frozen sequence is thawed once each of them has
    /// told its mark. Without them an operator thaws it.
    pub peers: Option<Arc<dyn Peers>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            state_dir: None,
            clock: ClockKind::Exact,
            reserve_ms: 10_000,
            min_step: 1_000,
            max_step: 1 << 32,
            lease_ms: 10_000,
            clock_limit_ms: 5_000,
            store_timeout: Duration::from_secs(2),
            machine: None,
            peers: None,
        }
    }
}

/// Settings of one [`Snowflakes`](crate::Snowflakes) generator.
#[derive(Clone, Debug)]
pub struct SnowflakeSettings {
    /// The id space: generators of one space never share a worker id.
    pub space: Name,
    /// How the bits are laid out; an id space keeps the layout it was begun with.
    pub layout: Layout,
    /// The worker ids that may be claimed.
    pub ids: RangeInclusive<u64>,
    /// Which of them is wished for.
    pub wish: Wish,
    /// What this process calls itself to operators.
    pub holder: String,
    /// How far ids may run ahead of the clock, 0 to 10 ms in whole ticks.
    pub borrow_ms: u64,
    /// How long the first claim may take before the start fails.
    pub claim_timeout: Duration,
}

impl SnowflakeSettings {
    /// Any worker id of `layout` in the id space `space`.
    ///
    /// # Errors
    ///
    /// [`NameError`] if `space` is no name.
    pub fn new(space: &str, layout: &Layout) -> Result<Self, NameError> {
        Ok(Self {
            space: Name::new(space)?,
            layout: *layout,
            ids: 0..=layout.workers() - 1,
            wish: Wish::Any,
            holder: format!("pid {}", std::process::id()),
            borrow_ms: idgen_snowflake::MAX_BORROW_MS,
            claim_timeout: Duration::from_secs(30),
        })
    }
}
