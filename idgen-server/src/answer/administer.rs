//! What operators ask for.

use super::{Administration, Desk, Reply};
use crate::Refusal;

impl Desk {
    pub(super) async fn administer(&self, wanted: Administration) -> Result<Reply, Refusal> {
        let runtime = &self.runtime;
        match wanted {
            Administration::List => {
                let sequences = runtime.sequences().list().await.map_err(refused)?;
                Ok(Reply::Sequences(sequences))
            }
            Administration::Create(name, definition) => {
                let created = runtime.create(&name, &definition).await.map_err(refused)?;
                tracing::info!(%name, %definition, ?created, "sequence created");
                Ok(Reply::Created(created))
            }
            Administration::Advance(name, above) => {
                runtime.advance(&name, above).await.map_err(refused)?;
                tracing::info!(%name, above, "sequence advanced");
                Ok(Reply::Done)
            }
            Administration::Alter(name, alteration) => {
                let definition = runtime.alter(&name, &alteration).await.map_err(refused)?;
                tracing::info!(%name, %definition, "sequence altered");
                Ok(Reply::Altered(definition))
            }
            Administration::Delete(name) => {
                runtime.delete(&name).await.map_err(refused)?;
                tracing::info!(%name, "sequence deleted");
                Ok(Reply::Done)
            }
            Administration::Mark(name) => {
                Ok(Reply::Mark(runtime.mark(&name).await.map_err(refused)?))
            }
            Administration::Thaw(name, above) => {
                runtime.thaw(&name, above).await.map_err(refused)?;
                tracing::info!(%name, above, "sequence thawed");
                Ok(Reply::Done)
            }
        }
    }
}

fn refused(error: impl Into<idgen_runtime::IssueError>) -> Refusal {
    Refusal::from(error.into())
}
