//! What a node publishes to its peers with its claim: layout, node fields, host.
//!
//! ```text
//! signed time:41 worker:10 sequence:12 epoch:1735689600000ms tick:1ms; node worker=7; host web-1
//! ```
//!
//! Node fields that the node was told are named with their values, those that it leases are not.
//! Its clock needs no words: each renewal shows it to the registry.

use std::ops::RangeInclusive;

use idgen_snowflake::{Field, Layout, Role};

/// What a node publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// In the words of the layout record.
    pub(crate) layout: String,
    /// `zone=3 dc=1`, or `any`.
    pub(crate) node: String,
    pub(crate) host: String,
}

impl Published {
    /// What this host publishes of a node that may be given the worker ids of `ids`.
    pub(crate) fn of(layout: &Layout, ids: &RangeInclusive<u64>) -> Self {
        let node = shared_fields(layout, ids);
        Self {
            layout: crate::layout_record::in_words(layout),
            node: if node.is_empty() { "any".to_owned() } else { node },
            host: host_name(),
        }
    }

    /// `None` for a holder that publishes nothing, or in words of another version.
    pub(crate) fn read(words: &str) -> Option<Self> {
        let (rest, host) = words.rsplit_once("; host ")?;
        let (layout, node) = rest.rsplit_once("; node ")?;
        let [layout, node, host] = [layout, node, host].map(str::to_owned);
        Some(Self { layout, node, host })
    }
}

impl std::fmt::Display for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; node {}; host {}", self.layout, self.node, self.host)
    }
}

#[cfg(unix)]
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // What follows the last `; host ` is the host whatever stands in it.
    if name.is_empty() { "unknown".to_owned() } else { name }
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".to_owned())
}

fn node_fields(layout: &Layout) -> impl DoubleEndedIterator<Item = &Field> {
    layout.fields().iter().filter(|field| field.role() == Role::Node)
}

/// The value of each node field of a worker id, from high to low.
fn values(layout: &Layout, worker: u64) -> Vec<(&'static str, u64)> {
    let mut rest = worker;
    let mut values: Vec<_> = node_fields(layout)
        .rev()
        .map(|field| {
            let value = rest & field.max();
            rest >>= field.bits();
            (field.name(), value)
        })
        .collect();
    values.reverse();
    values
}

fn spoken(values: impl Iterator<Item = (&'static str, u64)>) -> String {
    values.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// The node fields of a worker id: `zone=3 dc=1 machine=2`.
pub(crate) fn fields_of(layout: &Layout, worker: u64) -> String {
    spoken(values(layout, worker).into_iter())
}

/// The node fields, from the top, that all worker ids of a range have in common.
fn shared_fields(layout: &Layout, ids: &RangeInclusive<u64>) -> String {
    let (first, last) = (values(layout, *ids.start()), values(layout, *ids.end()));
    let shared = first.into_iter().zip(last).take_while(|(first, last)| first == last);
    spoken(shared.map(|(first, _)| first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_snowflake::preset;

    #[test]
    fn what_is_published_is_read() {
        let genid = preset("genid").unwrap();
        for (ids, node) in [
            (0..=2047, "any"),
            (3 << 6 | 1 << 3..=3 << 6 | 1 << 3 | 7, "zone=3 dc=1"),
            (2047..=2047, "zone=31 dc=7 machine=7"),
        ] {
            let published = Published::of(genid, &ids);
            assert_eq!(published.node, node);
            assert_eq!(Published::read(&published.to_string()), Some(published));
        }
        assert_eq!(Published::read("words of yesterday"), None);
        assert_eq!(fields_of(genid, 3 << 6 | 1 << 3 | 2), "zone=3 dc=1 machine=2");
        assert_eq!(fields_of(preset("mastodon").unwrap(), 0), "");
    }
}
