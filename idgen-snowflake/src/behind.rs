//! What to do when the clock is further behind than the borrow window.

use idgen_core::Refusal;

/// What to do with a [`Refusal::NotYet`].
///
/// A clock that is behind by no more than the borrow window is the normal course and never gets
/// here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockBehind {
    /// Wait, but not longer than this in all.
    Wait {
        /// The longest wait for one answer, in milliseconds.
        max_ms: u64,
    },
    /// Hand the refusal on at once.
    Refuse,
}

impl ClockBehind {
    /// How long to wait, in milliseconds, before asking again; `None`: hand the refusal on.
    ///
    /// `waited_ms` is what this answer has been waited for so far.
    pub fn wait_ms(self, refusal: &Refusal, waited_ms: u64) -> Option<u64> {
        let (Self::Wait { max_ms }, &Refusal::NotYet { wait_ms }) = (self, refusal) else {
            return None;
        };
        (wait_ms <= max_ms.saturating_sub(waited_ms)).then_some(wait_ms)
    }

    /// Asks until there is an answer, a refusal that waiting cannot cure, or no time left.
    ///
    /// # Errors
    ///
    /// The last refusal.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::cell::Cell;
    /// use idgen_core::{At, Clock, Floor, Refusal, WorkerLease};
    /// use idgen_snowflake::{ClockBehind, Snowflake, preset};
    ///
    /// let start_ms = 1_750_000_000_000;
    /// let lease = WorkerLease::assume(7, Floor::at(start_ms), start_ms + 10_000)?;
    /// let snowflake = Snowflake::new(preset("standard").unwrap(), lease).map_err(|(e, _)| e)?;
    /// let now_ms = Cell::new(start_ms - 15);
    /// let id = ClockBehind::Wait { max_ms: 50 }.insist(
    ///     || snowflake.next_id(&At(now_ms.get())),
    ///     |wait_ms| now_ms.set(now_ms.get() + wait_ms), // Or std::thread::sleep.
    /// )?;
    /// assert_eq!(now_ms.get(), start_ms - 10, "within the borrow window");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insist<T>(
        self,
        mut ask: impl FnMut() -> Result<T, Refusal>,
        mut sleep_ms: impl FnMut(u64),
    ) -> Result<T, Refusal> {
        let mut waited_ms = 0;
        loop {
            let refusal = match ask() {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let wait_ms = self.wait_ms(&refusal, waited_ms).ok_or(refusal)?;
            sleep_ms(wait_ms);
            waited_ms += wait_ms;
        }
    }
}
