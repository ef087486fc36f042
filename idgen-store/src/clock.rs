//! The clocks a registry goes by: the host's wall clock, and its boot clock, which nobody can set.
//!
//! A registry's own time is `anchor_unix + (boot clock now - boot clock then)`: the wall clock as
//! it stood when the anchor was made, carried on by the boot clock. A wall clock that jumps while
//! leases are held moves nothing. The anchor is made anew when no lease is held, so that setting a
//! clock right takes effect with the next start of the only server.

/// What a registry must know about its host's time.
///
/// # Examples
///
/// ```
/// use idgen_store::{HostClock, SystemHostClock};
/// let clock = SystemHostClock::new();
/// assert!(clock.unix_ms() > 1_700_000_000_000);
/// let earlier = clock.boot_ms();
/// assert!(clock.boot_ms() >= earlier);
/// ```
pub trait HostClock: Send + Sync {
    /// The wall clock, in Unix milliseconds. It may be wrong and may jump.
    fn unix_ms(&self) -> u64;

    /// Milliseconds since the host was booted, time asleep included. It never jumps or turns back.
    fn boot_ms(&self) -> u64;

    /// What tells this boot from every other; empty if the host cannot say. Without it no
    /// [`SoftProof`](crate::SoftProof) is accepted.
    fn boot_id(&self) -> String;
}

/// The clocks of the machine this runs on.
///
/// Linux: `CLOCK_BOOTTIME` and `/proc/sys/kernel/random/boot_id`. Other Unix systems: the monotonic
/// clock and no boot id. Elsewhere there is no clock that outlives a process, and the wall clock
/// stands in for it. All processes that share a registry file must share one boot clock: a
/// container with a time namespace of its own does not.
#[derive(Clone, Debug)]
pub struct SystemHostClock {
    boot_id: String,
}

impl SystemHostClock {
    /// Reads the boot id once; it cannot change while the process lives.
    pub fn new() -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self { boot_id: boot_id.map(|id| id.trim().to_owned()).unwrap_or_default() }
    }
}

impl Default for SystemHostClock {
    fn default() -> Self {
        Self::new()
    }
}

impl HostClock for SystemHostClock {
    fn unix_ms(&self) -> u64 {
        // A wall clock before 1970 reads as 1970: leases then begin at floors, not at the clock.
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(unix)]
    fn boot_ms(&self) -> u64 {
        #[cfg(target_os = "linux")]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(CLOCK);
        let seconds = u64::try_from(time.tv_sec).expect("the boot clock counts up from 0");
        let nanos = u64::try_from(time.tv_nsec).expect("nanoseconds are 0 to 999,999,999");
        seconds * 1000 + nanos / 1_000_000
    }

    #[cfg(not(unix))]
    fn boot_ms(&self) -> u64 {
        self.unix_ms()
    }

    fn boot_id(&self) -> String {
        self.boot_id.clone()
    }
}

/// One reading of a host's clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) unix_ms: u64,
    pub(crate) boot_ms: u64,
    pub(crate) boot_id: String,
}

impl Moment {
    pub(crate) fn read(clock: &dyn HostClock) -> Self {
        Self { unix_ms: clock.unix_ms(), boot_ms: clock.boot_ms(), boot_id: clock.boot_id() }
    }
}

/// Where wall clock and boot clock were read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor(pub(crate) Moment);

impl Anchor {
    /// The anchor to go by at `moment`: the stored one while a lease of this boot is held.
    pub(crate) fn at(stored: Self, any_held: bool, moment: &Moment) -> Self {
        let same_boot = stored.0.boot_id == moment.boot_id && stored.0.boot_ms <= moment.boot_ms;
        if any_held && same_boot { stored } else { Self(moment.clone()) }
    }

    /// The registry's own time at `moment`, in Unix milliseconds.
    pub(crate) fn unix_ms(&self, moment: &Moment) -> u64 {
        // Neither operation reaches its limit: `at` keeps no anchor of a later boot time, and a
        // sum past 2^64 - 1 ms lies 584 million years ahead.
        self.0.unix_ms.saturating_add(moment.boot_ms.saturating_sub(self.0.boot_ms))
    }
}

/// A host whose clocks stand still until they are moved; clones share them.
///
/// # Examples
///
/// ```
/// use idgen_store::{HostClock, SteppedClock};
/// let clock = SteppedClock::at(1_750_000_000_000);
/// clock.pass(50);
/// clock.set_unix_ms(5);
/// assert_eq!((clock.unix_ms(), clock.boot_ms()), (5, 60_050));
/// ```
#[cfg(feature = "conformance")]
#[derive(Clone, Debug)]
pub struct SteppedClock(std::sync::Arc<std::sync::Mutex<Moment>>);

#[cfg(feature = "conformance")]
impl SteppedClock {
    /// A host one minute after its boot `boot-1`, at a wall-clock time in Unix milliseconds.
    pub fn at(unix_ms: u64) -> Self {
        let moment = Moment { unix_ms, boot_ms: 60_000, boot_id: "boot-1".to_owned() };
        Self(std::sync::Arc::new(std::sync::Mutex::new(moment)))
    }

    fn moment(&self) -> std::sync::MutexGuard<'_, Moment> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Lets `ms` milliseconds pass on both clocks.
    ///
    /// # Panics
    ///
    /// If a clock passes 2^64 - 1 ms.
    pub fn pass(&self, ms: u64) {
        let mut moment = self.moment();
        moment.unix_ms = moment.unix_ms.checked_add(ms).expect("the wall clock has room");
        moment.boot_ms = moment.boot_ms.checked_add(ms).expect("the boot clock has room");
    }

    /// Sets the wall clock, as an operator would.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        self.moment().unix_ms = unix_ms;
    }

    /// Starts the boot clock over under another boot id.
    pub fn reboot(&self, boot_id: &str) {
        let mut moment = self.moment();
        moment.boot_ms = 0;
        boot_id.clone_into(&mut moment.boot_id);
    }
}

#[cfg(feature = "conformance")]
impl HostClock for SteppedClock {
    fn unix_ms(&self) -> u64 {
        self.moment().unix_ms
    }

    fn boot_ms(&self) -> u64 {
        self.moment().boot_ms
    }

    fn boot_id(&self) -> String {
        self.moment().boot_id.clone()
    }
}
