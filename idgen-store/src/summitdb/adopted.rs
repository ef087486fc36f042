//! A counter of SummitDB, moved by `INCRBY` inside a script.
//!
//! `INCRBY` alone would go past 2^63-1 without a word, to negative numbers; a script moves the
//! counter only where there is room. What the form can hold stands at the head of `counter.rs`.

use async_trait::async_trait;
use redis::Value;

use super::cluster::Cluster;
use super::script::{self, eval, text, texts};
use crate::counter::{Adopted, Counter, Step, Stepped};
use crate::{StoreError, StoreIdentity};

/// A counter of SummitDB that other programs increase by `INCRBY` too.
pub(super) struct SummitCounter {
    pub(super) cluster: Cluster,
    pub(super) adopted: Adopted,
}

impl SummitCounter {
    async fn run(&self, script: &str, arguments: &[&str]) -> Result<Value, StoreError> {
        self.cluster.ask(&eval(script, Some(self.adopted.key.as_str()), arguments)).await
    }

    fn value(&self, held: Option<&str>) -> Result<u64, StoreError> {
        let value = held.and_then(|held| {
            // The script compares texts, so a zero in front would make it greater.
            Adopted::value(held).filter(|value| value.to_string() == held)
        });
        value.ok_or_else(|| self.damaged(&self.adopted.no_number()))
    }

    fn damaged(&self, what: &str) -> StoreError {
        let place = &self.cluster.settings.place;
        StoreError::Damaged(format!("{place}: {what}; SET it to a number above every id issued"))
    }
}

#[async_trait]
impl Counter for SummitCounter {
    fn adopted(&self) -> &Adopted {
        &self.adopted
    }

    async fn server(&self) -> Result<StoreIdentity, StoreError> {
        // Asked only to hear that somebody leads.
        self.run(script::READ, &[]).await?;
        let id = format!("{} {}", self.cluster.settings.place, self.adopted.key);
        Ok(super::identity(id))
    }

    async fn step(&self, step: Step) -> Result<Stepped, StoreError> {
        let seen = step.seen.map_or_else(String::new, |seen| seen.to_string());
        let room = self.adopted.definition.end().checked_sub(step.width);
        let room = room.map_or_else(String::new, |room| room.to_string());
        let (width, above) = (step.width.to_string(), step.above.to_string());
        let told = self.run(script::STEP, &[&seen, &width, &room, &above]).await?;
        match texts(&told).as_deref() {
            Some([Some("moved"), old, new]) => {
                Ok(Stepped::Moved { old: self.value(*old)?, new: self.value(*new)? })
            }
            Some([Some("shown"), held]) => Ok(Stepped::Shown(self.value(*held)?)),
            Some([Some("missing")]) => Err(StoreError::Unknown { name: self.adopted.key.clone() }),
            _ => Err(self.damaged(&self.adopted.no_number())),
        }
    }

    async fn read(&self) -> Result<u64, StoreError> {
        match self.run(script::READ, &[]).await? {
            Value::Nil => Err(StoreError::Unknown { name: self.adopted.key.clone() }),
            held => self.value(text(&held)),
        }
    }

    async fn begin(&self, value: u64) -> Result<bool, StoreError> {
        let told = self.run(script::BEGIN, &[&value.to_string()]).await?;
        Ok(told == Value::Int(1))
    }

    fn own_notes(&self) -> Vec<String> {
        vec![super::UNSURE.to_owned()]
    }
}
