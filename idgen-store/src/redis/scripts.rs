//! The scripts, and one of them run.

use redis::{Cmd, Value};

/// A change, or a look, as Redis runs it: whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Lease,
    Look,
    Grant,
    Back,
    Change,
    Counter,
}

impl Script {
    /// In the order of their declaration, by which a session keeps what the server calls them.
    pub(super) const ALL: [Self; 6] =
        [Self::Lease, Self::Look, Self::Grant, Self::Back, Self::Change, Self::Counter];

    /// Its text behind what all of them share.
    pub(super) fn text(self) -> String {
        let own = match self {
            Self::Lease => include_str!("lease.lua"),
            Self::Look => include_str!("look.lua"),
            Self::Grant => include_str!("grant.lua"),
            Self::Back => include_str!("back.lua"),
            Self::Change => include_str!("change.lua"),
            Self::Counter => include_str!("counter.lua"),
        };
        let shared = include_str!("numbers.lua");
        shared.replace("REMEMBERED", &crate::grant::REMEMBERED.to_string()) + own
    }

    /// The command that has the server keep it.
    pub(super) fn load(self) -> Cmd {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(self.text());
        load
    }
}

/// Keys and arguments of one run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) script: Script,
    pub(super) keys: &'a [String],
    pub(super) arguments: Vec<String>,
}

impl Run<'_> {
    pub(super) fn command(&self, digest: &str) -> Cmd {
        let mut run = redis::cmd("EVALSHA");
        run.arg(digest).arg(self.keys.len()).arg(self.keys).arg(&self.arguments);
        run
    }
}

/// A text of an answer.
pub(super) fn text(value: &Value) -> Option<String> {
    redis::from_redis_value_ref::<Option<String>>(value).ok().flatten()
}
