//! One worker lease for each id space, however often the space is opened.
//!
//! A worker id belongs to the store until that is closed. If each opening claimed another one, a
//! program that opens and closes would take them all.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use idgen_runtime::{Runtime, SnowflakeSettings, Snowflakes};
use idgen_store::{Name, Wish};

use super::failure::{Failure, Told};
use super::wait::wait;
use crate::status::Status;

#[derive(Default)]
pub(super) struct Spaces {
    /// `None` while a thread claims.
    open: Mutex<HashMap<Name, Option<Arc<Snowflakes>>>>,
    claimed: Condvar,
}

impl Spaces {
    /// The generator of an id space; claims a worker id for it if this is the first call.
    pub(super) fn generator(
        &self,
        runtime: &Runtime,
        settings: SnowflakeSettings,
        deadline: Instant,
    ) -> Told<Arc<Snowflakes>> {
        if let Some(open) = self.begin(&settings.space, deadline)? {
            same(&open, &settings)?;
            return Ok(open);
        }
        let claim = Claim { spaces: self, space: settings.space.clone() };
        let generator = wait(deadline, runtime.snowflakes(settings))??;
        claim.spaces.all().insert(claim.space.clone(), Some(Arc::clone(&generator)));
        Ok(generator)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Name, Option<Arc<Snowflakes>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is open, or `None`: then the claim is the caller's.
    fn begin(&self, space: &Name, deadline: Instant) -> Told<Option<Arc<Snowflakes>>> {
        let mut all = self.all();
        loop {
            match all.get(space) {
                Some(Some(open)) => return Ok(Some(Arc::clone(open))),
                None => {
                    all.insert(space.clone(), None);
                    return Ok(None);
                }
                Some(None) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let words = "another thread is claiming a worker id; give more time or call again";
                return Err(Failure::new(Status::Deadline, words));
            }
            let woken = self.claimed.wait_timeout(all, left);
            all = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A claim under way; whatever ends it, those who wait for it are woken.
struct Claim<'a> {
    spaces: &'a Spaces,
    space: Name,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut all = self.spaces.all();
        if let Some(None) = all.get(&self.space) {
            all.remove(&self.space);
        }
        self.spaces.claimed.notify_all();
    }
}

/// A generator serves whoever wants the same of it.
fn same(open: &Snowflakes, settings: &SnowflakeSettings) -> Told {
    if *open.layout() != settings.layout {
        let words = format!(
            "id space '{}' is open with another layout; use that layout or another id space",
            settings.space
        );
        return Err(Failure::new(Status::Conflict, words));
    }
    match (settings.wish, open.worker()) {
        (Wish::Exactly(wanted), Some(held)) if wanted != held => {
            let words = format!(
                "id space '{}' is open with worker id {held}, not {wanted}; ask for that or any",
                settings.space
            );
            Err(Failure::new(Status::Conflict, words))
        }
        _ => Ok(()),
    }
}
