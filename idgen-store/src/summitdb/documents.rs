//! Documents as keys, replaced by a script if their version is the one that was seen.
//!
//! A key holds 16 hexadecimal digits, a line end, and the document. The digits are drawn at random
//! for each swap. So no version comes twice, even if all keys were removed meanwhile; and a swap
//! whose answer was lost may be sent again: it finds its own digits if it took effect.

use std::time::Duration;

use redis::Value;

use super::cluster::Cluster;
use super::script::{self, eval, text, texts};
use crate::document::Documents;
use crate::retry::random;
use crate::swap::{Found, Swapped};
use crate::{StoreError, StoreIdentity};

/// How long a version is.
const DIGITS: usize = 16;
/// How many documents are read at once.
const PAGE: &str = "256";
/// The cluster has its own limit for each question, and then names its nodes.
const GRACE: Duration = Duration::from_millis(500);

/// A way to the keys of one URL.
pub(super) struct Keys {
    pub(super) cluster: Cluster,
}

impl Keys {
    /// What the keys of all documents begin with.
    fn stem(&self) -> String {
        format!("{}:sequence:", self.cluster.settings.prefix)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.stem())
    }

    /// A document as a key holds it.
    fn found(&self, key: &str, held: Option<&str>) -> Result<Found<String>, StoreError> {
        held.map(|held| self.split(key, held)).transpose()
    }

    fn split(&self, key: &str, held: &str) -> Result<(String, String), StoreError> {
        let is_version = |version: &&str| {
            version.len() == DIGITS && version.bytes().all(|digit| digit.is_ascii_hexdigit())
        };
        let parts = held.split_once('\n').filter(|(version, _)| is_version(version));
        let (version, text) = parts.ok_or_else(|| self.damaged(key))?;
        Ok((version.to_owned(), text.to_owned()))
    }

    fn damaged(&self, key: &str) -> StoreError {
        StoreError::Damaged(format!(
            "{}: key {key} is not as this version writes it; restore it from a backup",
            self.cluster.settings.place
        ))
    }
}

impl Documents for Keys {
    const SERVER: &'static str = "SummitDB";
    type Version = String;

    fn place(&self) -> &str {
        &self.cluster.settings.place
    }

    fn answer_timeout(&self) -> Duration {
        self.cluster.settings.answer_timeout + GRACE
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let key = format!("{}:identity", self.cluster.settings.prefix);
        let id = format!("{:016x}{:016x}", random(), random());
        let told = self.cluster.ask(&eval(script::KEEP, Some(&key), &[&id])).await?;
        Ok(super::identity(text(&told).ok_or_else(|| self.damaged(&key))?.to_owned()))
    }

    async fn load(&self, key: &str) -> Result<Found<String>, StoreError> {
        let key = self.key(key);
        match self.cluster.ask(&eval(script::READ, Some(&key), &[])).await? {
            Value::Nil => Ok(None),
            held => self.split(&key, text(&held).unwrap_or_default()).map(Some),
        }
    }

    async fn swap(
        &self,
        key: &str,
        seen: Option<&String>,
        document: &str,
    ) -> Result<Swapped<String>, StoreError> {
        let (key, version) = (self.key(key), format!("{:016x}", random()));
        let new = format!("{version}\n{document}");
        let seen = seen.map_or("", String::as_str);
        let told = self.cluster.ask(&eval(script::SWAP, Some(&key), &[seen, &new])).await?;
        match texts(&told).as_deref() {
            Some([Some("done")]) => Ok(Swapped::Done(version)),
            // Sent twice, and done the first time.
            Some([Some("stale"), Some(held)]) if *held == new => Ok(Swapped::Done(version)),
            Some([Some("stale"), held]) => Ok(Swapped::Stale(self.found(&key, *held)?)),
            _ => Err(self.damaged(&key)),
        }
    }

    async fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let stem = self.stem();
        let (pattern, mut last, mut all) = (format!("{stem}*"), stem.clone(), Vec::new());
        loop {
            let page =
                self.cluster.ask(&eval(script::PAGE, None, &[&pattern, &last, PAGE])).await?;
            let texts = texts(&page).ok_or_else(|| self.damaged(&pattern))?;
            let Some((pairs, [])) = Some(texts.as_chunks::<2>()) else {
                return Err(self.damaged(&pattern));
            };
            if pairs.is_empty() {
                return Ok(all);
            }
            for pair in pairs {
                let [Some(key), Some(held)] = *pair else { return Err(self.damaged(&pattern)) };
                let name = key.strip_prefix(&stem).ok_or_else(|| self.damaged(key))?;
                all.push((name.to_owned(), self.split(key, held)?.1));
                key.clone_into(&mut last);
            }
        }
    }

    fn notes(&self) -> Vec<String> {
        vec![super::UNSURE.to_owned()]
    }
}
