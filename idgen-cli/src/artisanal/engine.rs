//! The engines of the original, each with the store that keeps its counter.
//!
//! | engine | `-dsn` | store |
//! |---|---|---|
//! | memory | none | `memory:` |
//! | sqlite | a path | `sqlite:PATH` |
//! | mysql | Go's form, `mysql://...` | `...?schema=flickr&key=KEY` |
//! | postgres | `postgres://...` | as it is |
//! | redis | `redis://...`, `HOST:PORT` | `redis://...?key=KEY` |
//! | rqlite | `http[s]://...`, `HOST:PORT` | `http[s]://...`, `rqlite://...?key=KEY` |
//! | summitdb | `redis://...`, `HOST:PORT` | `summitdb://...?key=KEY` |
//! | etcd, zookeeper | `HOST:PORT,...` | `etcd://...`, `zookeeper://...` |
//!
//! A DSN that is a URL of the store's own kind is taken as it is. Where the counter is an adopted
//! one, `increment` and `offset` go into the URL too, if they are given.

use clap::ValueEnum;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::given;
use crate::args::tools::{Engine, EngineArgs};
use crate::failure::Failure;
use crate::place::{is_url, with_options};

/// How one engine's DSN becomes the URL of a store.
struct Kind {
    /// What stands before a DSN without a scheme.
    bare: &'static str,
    /// What is put in place of a scheme that is not the store's own.
    schemes: &'static [(&'static str, &'static str)],
    /// The DSN that is meant by none.
    usual: Option<&'static str>,
    /// A DSN, for whoever gave none.
    example: &'static str,
    /// What says in the URL that the counter is the original's, if there was one.
    adopted: Option<&'static str>,
}

const COUNTER: Option<&str> = Some("");

fn kind(engine: Engine) -> Kind {
    let native = |bare, usual, example| Kind { bare, schemes: &[], usual, example, adopted: None };
    match engine {
        Engine::Memory => native("memory:", Some(""), ""),
        Engine::Sqlite => native("sqlite:", None, "integers.db"),
        Engine::Postgres => native("", None, "postgres://me:secret@localhost/db"),
        Engine::Etcd => Kind {
            schemes: &[("http://", "etcd://")],
            ..native("etcd://", Some("localhost:2379"), "localhost:2379")
        },
        Engine::Zookeeper => native("zookeeper://", Some("localhost:2181"), "localhost:2181"),
        Engine::Mysql => {
            Kind { adopted: Some("schema=flickr&"), ..native("", None, "me:secret@/db") }
        }
        Engine::Redis => Kind {
            adopted: COUNTER,
            ..native("redis://", Some("localhost:6379"), "redis://localhost:6379")
        },
        Engine::Rqlite => Kind {
            adopted: COUNTER,
            ..native("rqlite://", Some("localhost:4001"), "http://localhost:4001")
        },
        Engine::Summitdb => Kind {
            schemes: &[("redis://", "summitdb://")],
            adopted: COUNTER,
            ..native("summitdb://", Some("localhost:7481"), "redis://localhost:7481")
        },
    }
}

impl Engine {
    /// Its word on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether its counter is the original's own key or table.
    pub(super) fn is_adopted(self) -> bool {
        kind(self).adopted.is_some()
    }
}

impl EngineArgs {
    /// The URL of the store that keeps the counter.
    pub(super) fn url(&self) -> Result<String, Failure> {
        let kind = kind(self.engine);
        let dsn = match self.dsn.as_str() {
            "" => kind.usual.ok_or_else(|| {
                Failure::usage(format!("it needs a -dsn, for example '{}'", kind.example))
            })?,
            dsn => dsn,
        };
        if self.engine == Engine::Memory && !dsn.is_empty() {
            return Err(Failure::usage("it has no -dsn; leave that out"));
        }
        let url = match kind.schemes.iter().find(|(from, _)| dsn.starts_with(from)) {
            Some((from, to)) => format!("{to}{}", &dsn[from.len()..]),
            None if is_url(dsn) => dsn.to_owned(),
            None => format!("{}{dsn}", kind.bare),
        };
        Ok(match kind.adopted {
            Some(words) => with_options(&url, &format!("{words}{}", self.counter())),
            None => url,
        })
    }

    /// The options that name the counter and its progression.
    fn counter(&self) -> String {
        let mut options = format!("key={}", utf8_percent_encode(&self.set_key, NON_ALPHANUMERIC));
        for (name, number) in [("increment", self.set_increment), ("offset", self.set_offset)] {
            if let Some(number) = given(number) {
                options += &format!("&{name}={number}");
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(engine: Engine, dsn: &str) -> EngineArgs {
        EngineArgs {
            engine,
            dsn: dsn.to_owned(),
            set_last_int: 0,
            set_increment: 0,
            set_offset: 0,
            set_key: "integers".to_owned(),
        }
    }

    #[test]
    fn every_spelling_names_a_store() {
        use Engine::*;
        let pairs = [
            (Memory, "", "memory:"),
            (Sqlite, "/a/b.db", "sqlite:/a/b.db"),
            (Sqlite, "sqlite:b.db", "sqlite:b.db"),
            (Postgres, "postgres://me:pw@h/db", "postgres://me:pw@h/db"),
            (Mysql, "me:pw@/db", "me:pw@/db?schema=flickr&key=integers"),
            (Mysql, "me:p?w@tcp(h:1)/db", "me:p?w@tcp(h:1)/db?schema=flickr&key=integers"),
            (Mysql, "me@/db?loc=Local", "me@/db?loc=Local&schema=flickr&key=integers"),
            (Mysql, "mysql://me@h/db", "mysql://me@h/db?schema=flickr&key=integers"),
            (Redis, "", "redis://localhost:6379?key=integers"),
            (Redis, "redis://:pw@h:1/2", "redis://:pw@h:1/2?key=integers"),
            (Redis, "h:1", "redis://h:1?key=integers"),
            (Rqlite, "", "rqlite://localhost:4001?key=integers"),
            (Rqlite, "http://h:4001", "http://h:4001?key=integers"),
            (Rqlite, "https://h:4001", "https://h:4001?key=integers"),
            (Rqlite, "h:4001", "rqlite://h:4001?key=integers"),
            (Summitdb, "redis://h:7481", "summitdb://h:7481?key=integers"),
            (Summitdb, "summitdb://a,b", "summitdb://a,b?key=integers"),
            (Summitdb, "", "summitdb://localhost:7481?key=integers"),
            (Etcd, "", "etcd://localhost:2379"),
            (Etcd, "http://h:2379", "etcd://h:2379"),
            (Zookeeper, "a:1,b:2/c", "zookeeper://a:1,b:2/c"),
        ];
        for (engine, dsn, url) in pairs {
            assert_eq!(args(engine, dsn).url().unwrap(), url, "{engine:?} '{dsn}'");
        }
        for engine in [Sqlite, Postgres, Mysql] {
            let line = args(engine, "").url().unwrap_err().line();
            assert!(line.contains("needs a -dsn, for example '"), "{line}");
        }
        assert!(args(Memory, "h:1").url().is_err());
    }

    #[test]
    fn the_progression_of_an_adopted_counter_is_in_its_url() {
        let mut redis = args(Engine::Redis, "h:1");
        (redis.set_increment, redis.set_offset) = (5, 3);
        redis.set_key = "a b&c".to_owned();
        let url = redis.url().unwrap();
        assert_eq!(url, "redis://h:1?key=a%20b%26c&increment=5&offset=3");
        let wanted = redis.wanted().unwrap();
        assert!(!wanted.alters && wanted.last.is_none());
    }

    #[test]
    fn a_sequence_of_our_own_is_altered() {
        let mut sqlite = args(Engine::Sqlite, "a.db");
        assert!(!sqlite.wanted().unwrap().alters);
        sqlite.set_offset = 3;
        sqlite.set_last_int = 7;
        let wanted = sqlite.wanted().unwrap();
        assert!(wanted.alters && wanted.last == Some(7));
        assert_eq!((wanted.fresh.increment(), wanted.fresh.offset()), (2, 1), "3 modulo 2");
        sqlite.set_increment = 10;
        assert_eq!(sqlite.wanted().unwrap().fresh.offset(), 3);
    }
}
