//! The scripts, and one of them run.

use std::sync::LazyLock;

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
    Swap,
    Turn,
    Records,
    Record,
}

impl Script {
    /// In the order of their declaration, which is that of their digests.
    pub(super) const ALL: [Self; 10] = [
        Self::Lease,
        Self::Look,
        Self::Grant,
        Self::Back,
        Self::Change,
        Self::Counter,
        Self::Swap,
        Self::Turn,
        Self::Records,
        Self::Record,
    ];

    /// Its text behind what all of them share.
    pub(super) fn text(self) -> String {
        let own = match self {
            Self::Lease => include_str!("lease.lua"),
            Self::Look => include_str!("look.lua"),
            Self::Grant => include_str!("grant.lua"),
            Self::Back => include_str!("back.lua"),
            Self::Change => include_str!("change.lua"),
            Self::Counter => include_str!("counter.lua"),
            Self::Swap => include_str!("swap.lua"),
            Self::Turn => include_str!("turn.lua"),
            Self::Records => include_str!("records.lua"),
            Self::Record => include_str!("record.lua"),
        };
        let shared = include_str!("numbers.lua");
        shared.replace("REMEMBERED", &crate::grant::REMEMBERED.to_string()) + own
    }
}

/// What a server calls the scripts, in the order of [`Script::ALL`].
static DIGESTS: LazyLock<[String; 10]> = LazyLock::new(|| {
    Script::ALL.map(|script| redis::Script::new(&script.text()).get_hash().to_owned())
});

/// Keys and arguments of one run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) script: Script,
    pub(super) keys: &'a [String],
    pub(super) arguments: Vec<String>,
}

impl Run<'_> {
    pub(super) fn by_digest(&self) -> Cmd {
        self.command("EVALSHA", &DIGESTS[self.script as usize])
    }

    /// The server keeps the script then.
    pub(super) fn by_text(&self) -> Cmd {
        self.command("EVAL", &self.script.text())
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut run = redis::cmd(verb);
        run.arg(script).arg(self.keys.len()).arg(self.keys).arg(&self.arguments);
        run
    }
}

/// A text of an answer.
pub(super) fn text(value: &Value) -> Option<String> {
    redis::from_redis_value_ref::<Option<String>>(value).ok().flatten()
}
