//! Scripts: what decides and writes in one step of the cluster.
//!
//! A script always travels as text, by `EVAL`. A node keeps the scripts that it has seen in memory,
//! so `EVALSHA` would find one on the leader and, when the same step is repeated from the log by a
//! node that was restarted, none: the nodes would no longer hold the same.

use redis::{Cmd, Value};

/// Moves a shared counter. Arguments: the value it has to hold, or nothing for any; by how much;
/// the highest value from which that much is left, or nothing for none; the value it must have
/// reached before. A number of JavaScript is exact to 53 bits only, so numbers are compared as
/// texts.
pub(super) const STEP: &str = include_str!("step.js");
/// Replaces a document by the second argument if its version, the first bytes of it, is the first
/// argument; nothing is the version of none.
pub(super) const SWAP: &str = include_str!("swap.js");
/// Reads a key. A script goes the way of a write, so that no node answers from what was long ago.
pub(super) const READ: &str = "return sdb.call('get', KEYS[0]);";
/// Keeps a text for a key that has none, and reads it.
pub(super) const KEEP: &str =
    "sdb.call('setnx', KEYS[0], ARGV[0]); return sdb.call('get', KEYS[0]);";
/// Keeps a text for a key that has none, and tells whether it had.
pub(super) const BEGIN: &str = "if (sdb.call('exists', KEYS[0])) { return 0; } \
                                sdb.call('set', KEYS[0], ARGV[0]); return 1;";
/// Reads a page of keys and values: those of the pattern ARGV[0] that lie behind ARGV[1].
pub(super) const PAGE: &str = "return sdb.call('keys', ARGV[0], 'pivot', ARGV[1], \
                               'limit', ARGV[2], 'withvalues');";

/// A run of a script on a key, or on none.
pub(super) fn eval(script: &str, key: Option<&str>, arguments: &[&str]) -> Cmd {
    let mut run = redis::cmd("EVAL");
    run.arg(script).arg(usize::from(key.is_some())).arg(key).arg(arguments);
    run
}

/// The text of a reply; `None` for nothing and for what is no text.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// The texts of a reply of several; nothing is `None`, and so is a reply that is not of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<Option<&str>>> {
    let Value::Array(parts) = value else { return None };
    let part = |part| match part {
        &Value::Nil => Some(None),
        part => text(part).map(Some),
    };
    parts.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_texts_or_nothing() {
        let of = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let reply = Value::Array(vec![of("stale"), Value::Nil]);
        assert_eq!(texts(&reply), Some(vec![Some("stale"), None]));
        assert_eq!(texts(&Value::Array(vec![Value::Int(1)])), None);
        assert_eq!(texts(&of("stale")), None);
        assert_eq!(text(&Value::BulkString(vec![0xff])), None);
    }

    #[test]
    fn a_key_is_counted() {
        let packed = |run: Cmd| String::from_utf8(run.get_packed_command()).unwrap();
        assert!(packed(eval("s", Some("k"), &["a"])).ends_with("\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n"));
        assert!(packed(eval("s", None, &["a"])).ends_with("\r\n0\r\n$1\r\na\r\n"));
    }
}
