//! One session with a server, made at the first use, shared by all requests, and made anew when it
//! was lost. Those who waited while it could not be made share the failure.

use std::time::Instant;

use tokio::sync::Mutex;

use crate::StoreError;
use crate::retry::Failed;

/// The session, if there is one.
pub(crate) struct Held<S> {
    slot: Mutex<Slot<S>>,
}

struct Slot<S> {
    session: Option<S>,
    /// Of the sessions made so far.
    count: u64,
    failed: Option<Failed>,
}

impl<S: Clone> Held<S> {
    pub(crate) fn new() -> Self {
        Self { slot: Mutex::new(Slot { session: None, count: 0, failed: None }) }
    }

    /// The session and its number. One that `is_over` is replaced by what `open` yields.
    pub(crate) async fn get<O: Future<Output = Result<S, StoreError>>>(
        &self,
        is_over: impl Fn(&S) -> bool,
        open: impl FnOnce() -> O,
    ) -> Result<(S, u64), StoreError> {
        let arrived = Instant::now();
        let mut slot = self.slot.lock().await;
        let count = slot.count;
        if let Some(session) = slot.session.take_if(|session| is_over(session)) {
            drop(session);
        }
        if let Some(session) = &slot.session {
            return Ok((session.clone(), count));
        }
        Failed::share(slot.failed.as_ref(), arrived)?;
        match open().await {
            Ok(session) => {
                slot.count += 1;
                slot.session = Some(session.clone());
                Ok((session, slot.count))
            }
            Err(error) => {
                slot.failed = Failed::of(&error);
                Err(error)
            }
        }
    }

    /// Gives the session of that number up, if nobody has yet.
    #[cfg(any(feature = "zookeeper", test))]
    pub(crate) async fn give_up(&self, number: u64) {
        let mut slot = self.slot.lock().await;
        if slot.count == number {
            slot.session = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_session_lasts_until_it_is_over_or_given_up() {
        wait(async {
            let held = Held::new();
            let get = |session: u32| {
                let held = &held;
                async move { held.get(|seen| *seen == 3, || async move { Ok(session) }).await }
            };
            assert_eq!(get(1).await.unwrap(), (1, 1));
            assert_eq!(get(2).await.unwrap(), (1, 1), "it is there");
            held.give_up(1).await;
            assert_eq!(get(3).await.unwrap(), (3, 2));
            assert_eq!(get(4).await.unwrap(), (4, 3), "the one before was over");
            held.give_up(2).await;
            assert_eq!(get(5).await.unwrap(), (4, 3), "another was meant");
        });
    }

    #[test]
    fn those_who_waited_share_a_failure() {
        wait(async {
            let (held, tries) = (Held::<()>::new(), std::cell::Cell::new(0));
            let get = || {
                held.get(
                    |()| false,
                    || async {
                        tries.set(tries.get() + 1);
                        tokio::task::yield_now().await;
                        Err(StoreError::Unavailable("down".to_owned()))
                    },
                )
            };
            let (one, other) = tokio::join!(get(), get());
            assert!(one.is_err() && other.is_err());
            assert_eq!(tries.get(), 1);
            assert!(get().await.is_err());
            assert_eq!(tries.get(), 2, "who comes later tries anew");
        });
    }
}
