//! Keeps idgen's generators supplied: what a service embeds.
//!
//! The algorithm crates mint ids from leased ground and know no store, thread or clock. A
//! [`Runtime`] gives them all three: it leases segments before they are needed, keeps a worker
//! lease's horizon ahead, retries with bounded pauses, parks requests with their deadlines, notices
//! a store that went back, and hands everything back at the stop.
//!
//! - [`Sequence`]: serial ids of a named sequence.
//! - [`Snowflakes`]: time-ordered ids of an id space.
//!
//! Both have an async face for any executor and a blocking one for threads. One background thread
//! does the rest.
//!
//! A worker id is leased from the store, or from a registry of its own beside it:
//! [`store::open_registry`] and [`with_registry`](store::OpenStore::with_registry). Static ids and
//! ordinals ([`ordinal_wish`]) are wishes that are recorded there like any claim.
//!
//! # Snowflakes in a service, the worker id from its PostgreSQL
//!
//! The worker id is leased from the database that the service has anyway, and given back at the
//! stop; the tables are made at the first use. `examples/snowflakes_from_postgres.rs` is a program
//! of it.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use idgen_runtime::snowflake::preset;
//! use idgen_runtime::{Runtime, Settings, SnowflakeSettings, store};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let store = store::open("postgres://shop:secret@db.internal/shop")?;
//!     let runtime = Runtime::start(store, Settings::default())?;
//!     let layout = preset("standard").ok_or("no such layout")?;
//!     let orders = runtime.snowflakes_blocking(SnowflakeSettings::new("orders", layout)?)?;
//!
//!     let deadline = Instant::now() + Duration::from_secs(1);
//!     println!("order {}", orders.next_id_blocking(deadline)?);
//!     runtime.stop_blocking();
//!     Ok(())
//! }
//! ```
//!
//! # What breaks the promise
//!
//! Ids are safe by value: no pause, crash, clock or partition makes a duplicate. A copy of a living
//! process does (`fork`, a virtual machine cloned from a snapshot; [`Machine`] tells what is looked
//! for), and a store that forgets an
//! answer it called durable; the latter is noticed where it can be, and freezes the sequence.

mod administer;
mod background;
mod blocking;
mod clocks;
mod copies;
mod error;
mod fork;
mod guard;
mod joining;
mod journal;
mod keeper;
mod layout_record;
mod lifetime;
mod ordinal;
mod outlook;
mod peers;
mod published;
mod retry;
mod runtime;
mod sequence;
mod settings;
mod silence;
#[cfg(feature = "simulated")]
pub mod simulated;
mod snowflakes;
mod soft_horizon;
mod state_dir;
mod supply;
#[cfg(feature = "testing")]
pub mod testing;
mod waiters;

pub use clocks::{ClockKind, CoarseClock, ExactClock, PublishedTick};
pub use copies::{Machine, Sight, ThisMachine};
pub use error::{Cause, IssueError, StartError};
pub use guard::{thaw_beside, thaw_space_beside};
pub use idgen_snowflake as snowflake;
pub use idgen_store as store;
pub use lifetime::{Lifetime, LifetimeWarning};
pub use ordinal::{OrdinalError, host_name, ordinal_wish};
pub use peers::{PeerMark, PeerMarks, Peers};
pub use retry::Backoff;
pub use runtime::{Runtime, StopReport};
pub use sequence::Sequence;
pub use settings::{Settings, SnowflakeSettings};
pub use snowflakes::Snowflakes;

/// The README's example is compiled and run.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
pub struct Readme;
