//! The commands on the data, and the data: keys in order, each with a text.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::resp::{Reply, Words};

/// Keys and texts, and the fencing tokens, which no command deletes.
#[derive(Debug, Default)]
pub(crate) struct Data {
    keys: BTreeMap<Vec<u8>, Vec<u8>>,
    fences: BTreeMap<Vec<u8>, u64>,
    /// What ran since it was last taken, and may have changed something.
    written: Vec<Words>,
}

/// Whether a command may change something.
fn writes(name: &str) -> bool {
    !matches!(name, "get" | "exists" | "keys" | "dbsize" | "fenceget")
}

/// Whether a command works on the data, and has as many words as it takes.
pub(crate) fn check(name: &str, words: &[Vec<u8>]) -> Result<(), Reply> {
    let fits = match name {
        "dbsize" | "flushdb" | "flushall" => words.len() == 1,
        "get" | "incr" | "fenceget" => words.len() == 2,
        "fence" => matches!(words.len(), 2 | 3),
        "set" | "setnx" | "incrby" | "decrby" => words.len() == 3,
        "del" | "exists" | "keys" => words.len() >= 2,
        "eval" => words.len() >= 3,
        _ => return Err(Reply::Error(format!("ERR unknown command '{}'", shown(&words[0])))),
    };
    if fits {
        return Ok(());
    }
    let name = shown(&words[0]);
    Err(Reply::Error(format!("ERR wrong number of arguments for '{name}' command")))
}

fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

impl Data {
    /// Runs a command that [`check`] passed and that is not `eval`.
    pub(crate) fn run(&mut self, name: &str, words: &[Vec<u8>]) -> Reply {
        let reply = self.apply(name, words);
        if writes(name) && !matches!(reply, Reply::Error(_)) {
            self.written.push(words.to_vec());
        }
        reply
    }

    /// The commands since the last time that make the same of what was there before.
    pub(crate) fn take_written(&mut self) -> Vec<Words> {
        std::mem::take(&mut self.written)
    }

    fn apply(&mut self, name: &str, words: &[Vec<u8>]) -> Reply {
        let done = match (name, &words[1..]) {
            ("get", [key]) => Ok(Reply::Bulk(self.keys.get(key).cloned())),
            ("set", [key, value]) => {
                self.keys.insert(key.clone(), value.clone());
                Ok(Reply::ok())
            }
            ("setnx", [key, value]) => Ok(self.set_new(key, value)),
            ("del", keys) => Ok(count(keys, |key| self.keys.remove(key).is_some())),
            ("exists", keys) => Ok(count(keys, |key| self.keys.contains_key(key))),
            ("incr", [key]) => self.increase(key, Some(1)),
            ("incrby", [key, by]) => self.increase(key, number(by)),
            ("decrby", [key, by]) => self.increase(key, number(by).map(i64::wrapping_neg)),
            ("keys", words) => self.list(words),
            ("dbsize", _) => Ok(length(self.keys.len())),
            ("flushdb" | "flushall", _) => {
                self.keys.clear();
                Ok(Reply::ok())
            }
            ("fence", words) => self.fence(words),
            ("fenceget", [token]) => {
                Ok(Reply::text(&self.fences.get(token).copied().unwrap_or(0).to_string()))
            }
            _ => Err("ERR syntax error"),
        };
        done.unwrap_or_else(Reply::error)
    }

    fn set_new(&mut self, key: &[u8], value: &[u8]) -> Reply {
        if self.keys.contains_key(key) {
            return Reply::nil();
        }
        self.keys.insert(key.to_vec(), value.to_vec());
        Reply::ok()
    }

    /// Past 2^63-1 it goes on from the lowest number, as in SummitDB.
    fn increase(&mut self, key: &[u8], by: Option<i64>) -> Result<Reply, &'static str> {
        let held = self.keys.get(key).filter(|value| !value.is_empty());
        let held = held.map_or(Some(0), |value| number(value));
        let (Some(held), Some(by)) = (held, by) else {
            return Err("ERR value is not an integer or out of range");
        };
        let next = held.wrapping_add(by);
        self.keys.insert(key.to_vec(), next.to_string().into_bytes());
        Ok(Reply::Number(next))
    }

    fn fence(&mut self, words: &[Vec<u8>]) -> Result<Reply, &'static str> {
        let by = words.get(1).map_or(Some(1), |word| text(word)?.parse().ok());
        let by = by.filter(|by| *by > 0).ok_or("length argument to FENCE must be > 0")?;
        let token = self.fences.entry(words[0].clone()).or_default();
        *token = token.wrapping_add(by);
        Ok(Reply::text(&token.to_string()))
    }

    /// `KEYS pattern [PIVOT key] [LIMIT count] [WITHVALUES]`, in the order of the keys.
    fn list(&self, words: &[Vec<u8>]) -> Result<Reply, &'static str> {
        let (mut limit, mut from, mut with_values) = (100, Bound::Unbounded, false);
        let mut options = words[1..].iter();
        while let Some(option) = options.next() {
            match option.to_ascii_lowercase().as_slice() {
                b"withvalues" => with_values = true,
                b"pivot" => {
                    from = Bound::Excluded(options.next().ok_or("ERR syntax error")?.clone());
                }
                b"limit" => {
                    let given = options.next().and_then(|word| text(word)?.parse().ok());
                    limit = given.ok_or("ERR syntax error")?;
                }
                _ => return Err("ERR syntax error"),
            }
        }
        let all = self.keys.range((from, Bound::Unbounded));
        let found = all.filter(|(key, _)| matches(key, &words[0])).take(limit);
        let shown = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let value = with_values.then(|| Reply::Bulk(Some(value.clone())));
            [Some(Reply::Bulk(Some(key.clone()))), value].into_iter().flatten()
        };
        Ok(Reply::Array(found.flat_map(shown).collect()))
    }
}

fn count(keys: &[Vec<u8>], mut counts: impl FnMut(&Vec<u8>) -> bool) -> Reply {
    length(keys.iter().filter(|key| counts(key)).count())
}

fn length(len: usize) -> Reply {
    Reply::Number(i64::try_from(len).expect("memory holds fewer than 2^63 keys"))
}

fn text(word: &[u8]) -> Option<&str> {
    std::str::from_utf8(word).ok()
}

fn number(word: &[u8]) -> Option<i64> {
    text(word)?.parse().ok()
}

/// Whether a text is of a pattern: `*` is any bytes, `?` is one.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|at| matches(&text[at..], rest)),
        [b'?', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
        [byte, rest @ ..] => text.first() == Some(byte) && matches(&text[1..], rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(data: &mut Data, line: &str) -> Reply {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let name = words[0].to_ascii_lowercase();
        let name = text(&name).unwrap();
        check(name, &words).map_or_else(|reply| reply, |()| data.run(name, &words))
    }

    #[test]
    fn numbers_wrap_without_a_word() {
        let mut data = Data::default();
        assert_eq!(run(&mut data, "INCRBY n 2"), Reply::Number(2));
        run(&mut data, "SET n 9223372036854775806");
        assert_eq!(run(&mut data, "INCRBY n 5"), Reply::Number(-9_223_372_036_854_775_805));
        run(&mut data, "SET n many");
        let refused = Reply::error("ERR value is not an integer or out of range");
        assert_eq!(run(&mut data, "INCRBY n 1"), refused);
        assert_eq!(run(&mut data, "INCRBY n x"), refused);
        assert_eq!(run(&mut data, "GET n"), Reply::text("many"));
    }

    #[test]
    fn what_was_written_makes_the_same_again() {
        let mut data = Data::default();
        for line in ["SET a 1", "INCRBY a 4", "GET a", "INCRBY a x", "FENCE t"] {
            run(&mut data, line);
        }
        let (mut again, written) = (Data::default(), data.take_written());
        assert_eq!((written.len(), data.take_written().len()), (3, 0));
        for words in &written {
            let name = words[0].to_ascii_lowercase();
            again.run(text(&name).unwrap(), words);
        }
        assert_eq!((again.keys, again.fences), (data.keys, data.fences));
    }

    #[test]
    fn only_what_is_missing_is_set_new() {
        let mut data = Data::default();
        assert_eq!(run(&mut data, "SETNX a 1"), Reply::ok());
        assert_eq!(run(&mut data, "SETNX a 2"), Reply::nil());
        assert_eq!(run(&mut data, "GET a"), Reply::text("1"));
        assert_eq!(run(&mut data, "DEL a b"), Reply::Number(1));
        assert_eq!(run(&mut data, "EXISTS a b"), Reply::Number(0));
    }

    #[test]
    fn fences_outlive_a_flush() {
        let mut data = Data::default();
        assert_eq!(run(&mut data, "FENCE t"), Reply::text("1"));
        assert_eq!(run(&mut data, "FENCE t 10"), Reply::text("11"));
        run(&mut data, "FLUSHDB");
        assert_eq!(run(&mut data, "FENCEGET t"), Reply::text("11"));
        assert_eq!(run(&mut data, "DBSIZE"), Reply::Number(0));
    }

    #[test]
    fn keys_are_listed_in_order_and_by_pages() {
        let mut data = Data::default();
        for key in ["k:3", "k:1", "other", "k:2"] {
            run(&mut data, &format!("SET {key} v{key}"));
        }
        let texts = |texts: &[&str]| Reply::Array(texts.iter().map(|it| Reply::text(it)).collect());
        assert_eq!(run(&mut data, "KEYS k:* LIMIT 2"), texts(&["k:1", "k:2"]));
        assert_eq!(
            run(&mut data, "KEYS k:? PIVOT k:2 LIMIT 2 WITHVALUES"),
            texts(&["k:3", "vk:3"])
        );
        assert_eq!(run(&mut data, "KEYS k:? SIDEWAYS"), Reply::error("ERR syntax error"));
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        let mut data = Data::default();
        assert_eq!(run(&mut data, "DELIF a b"), Reply::error("ERR unknown command 'DELIF'"));
        let refused = Reply::error("ERR wrong number of arguments for 'Get' command");
        assert_eq!(run(&mut data, "Get"), refused);
    }
}
