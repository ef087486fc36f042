//! Ephemeral nodes that show who is there: `/idgen/SPACE/live/N`, with the holder's name.
//!
//! They are for operators and their tools, and decide nothing. A node is made after its record is
//! written, by a task of its own, so that whatever becomes of it neither fails nor holds up the
//! lease. It goes with its session, and is made again with the first renewal in another. Tasks of
//! one handle take turns, and each does what is wanted *then*, so their order does not matter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as Turn;
use zookeeper_client::{Client, Error, SessionId};

use super::session::Session;

pub(super) struct Live {
    session: Arc<Session>,
    /// The nodes that should be there: holder, and the session they were made in.
    wanted: Mutex<HashMap<String, Wanted>>,
    turn: Turn<()>,
}

struct Wanted {
    holder: String,
    made_in: Option<SessionId>,
}

impl Live {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session, wanted: Mutex::default(), turn: Turn::default() }
    }

    fn wanted(&self) -> MutexGuard<'_, HashMap<String, Wanted>> {
        // What is locked here is replaced whole, so it is sound whatever its holder met.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this handle shows that node, or would.
    pub(super) fn is_wanted(&self, node: &str) -> bool {
        self.wanted().contains_key(node)
    }

    /// Sees to it that the node of a worker id names its holder, or is gone for `None`.
    pub(super) fn show(self: &Arc<Self>, client: Client, node: String, holder: Option<&str>) {
        let session = client.session_id();
        {
            let mut wanted = self.wanted();
            let made_in = wanted
                .get(&node)
                .filter(|wanted| Some(wanted.holder.as_str()) == holder)
                .and_then(|wanted| wanted.made_in);
            if made_in == Some(session) {
                return;
            }
            match holder {
                Some(holder) => {
                    let holder = holder.to_owned();
                    wanted.insert(node.clone(), Wanted { holder, made_in: None });
                }
                None => drop(wanted.remove(&node)),
            }
        }
        let live = Arc::clone(self);
        tokio::spawn(async move { live.settle(&client, &node).await });
    }

    async fn settle(&self, client: &Client, node: &str) {
        let _turn = self.turn.lock().await;
        let wanted = self.wanted().get(node).map(|wanted| (wanted.holder.clone(), wanted.made_in));
        let session = client.session_id();
        match wanted {
            Some((_, Some(made_in))) if made_in == session => {}
            Some((holder, _)) => {
                let made = self.make(client, node, &holder).await.is_ok();
                if let Some(wanted) = self.wanted().get_mut(node)
                    && made
                    && wanted.holder == holder
                {
                    wanted.made_in = Some(session);
                }
            }
            // It may be gone already, and goes with the session at the latest.
            None => drop(client.delete(node, None).await),
        }
    }

    async fn make(&self, client: &Client, node: &str, holder: &str) -> Result<(), Error> {
        let passing = self.session.passing();
        match client.create(node, holder.as_bytes(), &passing).await {
            Err(Error::NodeExists) => {
                // Of the holder before, or of the session before, which has not ended yet.
                client.delete(node, None).await?;
                client.create(node, holder.as_bytes(), &passing).await?;
            }
            Err(Error::NoNode) => {
                let above = node.rsplit_once('/').map_or("", |(above, _)| above);
                client.mkdir(above, &self.session.options()).await?;
                client.create(node, holder.as_bytes(), &passing).await?;
            }
            other => drop(other?),
        }
        Ok(())
    }
}
