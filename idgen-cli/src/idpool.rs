//! `idgen idpool`: the idpool door alone, on the original's configuration file and tables.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use idgen_store::{Definition, Name};
use yaml_rust2::{Yaml, YamlLoader};

use crate::args::Listen;
use crate::args::tools::IdpoolArgs;
use crate::failure::Failure;
use crate::next::DEFAULT_SEQUENCE;
use crate::output::Output;
use crate::place::{open_url, with_options};
use crate::serving::{self, Door, Gate, Serving, any_host};
use crate::wanted::Wanted;

/// The file in the directory that `-conf` names.
const FILE: &str = "config.yaml";
/// Where the original's own configuration has it listen.
const ADDR: &str = "0.0.0.0:8087";

pub(crate) fn run(args: &IdpoolArgs, output: &Output) -> Result<(), Failure> {
    serving(args).and_then(|serving| serving::run(serving, output)).map_err(Failure::of_tool)
}

fn serving(args: &IdpoolArgs) -> Result<Serving, Failure> {
    let config = Config::read(&args.conf)?;
    for key in &config.unknown {
        tracing::warn!("key {key} of the configuration is not known here and does nothing");
    }
    let url = with_options(&config.dsn, "schema=idpool");
    let flag = "server.http.addr in the configuration";
    let gate = Gate::at(Door::Idpool, &config.listen, flag, "idpool");
    let pool = Name::new(DEFAULT_SEQUENCE)?;
    Ok(Serving {
        program: "idgen idpool",
        gates: gate.into_iter().collect(),
        pots: Default::default(),
        access: None,
        open: Box::new(move || open_url(&url)),
        nodes: NonZeroU32::MIN,
        peers: None,
        data_dir: args.journal.data_dir.clone(),
        wanted: vec![Wanted::if_absent(pool.clone(), Definition::default())],
        integers: pool.clone(),
        pool,
        native: None,
        genid: None,
        guards: Default::default(),
        number: None,
    })
}

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
struct Config {
    listen: Listen,
    dsn: String,
    /// Keys that the original does not know either.
    unknown: Vec<String>,
}

impl Config {
    /// Reads a file, or the one in a directory.
    fn read(conf: &Path) -> Result<Self, Failure> {
        let path: PathBuf = if conf.is_dir() { conf.join(FILE) } else { conf.to_owned() };
        let wrong =
            |why: String| Failure::usage(format!("configuration {}: {why}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| {
            wrong(format!("{error}; name the directory of {FILE} with -conf, or the file itself"))
        })?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let documents = YamlLoader::load_from_str(text)
            .map_err(|error| format!("it is no YAML: {error}; mend it"))?;
        let mut keys = Vec::new();
        for document in &documents {
            flatten("", document, &mut keys)?;
        }
        let (mut addr, mut dsn, mut unknown) = (None, None, Vec::new());
        for (key, value) in keys {
            match key.as_str() {
                "server.http.addr" => addr = Some(text_of(&key, value)?),
                "data.mysql.dsn" => dsn = Some(text_of(&key, value)?),
                key if key == "data.redis" || key.starts_with("data.redis.addrs") => {}
                _ => unknown.push(key),
            }
        }
        let addr = any_host(&addr.unwrap_or_else(|| ADDR.to_owned()));
        let listen = addr.parse::<Listen>().ok().filter(|listen| !listen.is_off());
        let listen =
            listen.ok_or_else(|| format!("server.http.addr is HOST:PORT, for example {ADDR}"))?;
        let dsn = dsn.filter(|dsn| !dsn.is_empty()).ok_or_else(|| {
            "there is no data.mysql.dsn; write USER:PASSWORD@tcp(HOST:PORT)/DATABASE".to_owned()
        })?;
        Ok(Self { listen, dsn, unknown })
    }
}

/// Every key with its value, the names of a path joined by dots.
fn flatten<'a>(
    path: &str,
    yaml: &'a Yaml,
    keys: &mut Vec<(String, &'a Yaml)>,
) -> Result<(), String> {
    let Some(map) = yaml.as_hash().filter(|map| !map.is_empty()) else {
        if !path.is_empty() {
            keys.push((path.to_owned(), yaml));
        } else if !yaml.is_null() && !yaml.is_badvalue() {
            return Err("it holds no keys; write server: and data:".to_owned());
        }
        return Ok(());
    };
    for (name, value) in map {
        let name = name.as_str().ok_or_else(|| format!("a key below '{path}' is no text"))?;
        let dot = if path.is_empty() { "" } else { "." };
        flatten(&format!("{path}{dot}{name}"), value, keys)?;
    }
    Ok(())
}

/// A text; the value is never quoted, it may hold a password.
fn text_of(key: &str, value: &Yaml) -> Result<String, String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| format!("{key} is no text; put it in quotes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "server:\n  http:\n    addr: 127.0.0.1:8000\ndata:\n  mysql:\n    dsn: \
                         root:p@tcp(db:3306)/ids?charset=utf8mb4&parseTime=True&loc=Local\n  \
                         redis:\n    addrs:\n      - 127.0.0.1:6379\n";

    #[test]
    fn every_key_is_taken() {
        let config = Config::parse(WHOLE).unwrap();
        assert_eq!(config.listen, Listen::At("127.0.0.1:8000".to_owned()));
        assert_eq!(config.dsn, "root:p@tcp(db:3306)/ids?charset=utf8mb4&parseTime=True&loc=Local");
        assert!(config.unknown.is_empty(), "{config:?}");
        let usual = Config::parse("data: {mysql: {dsn: 'u@/d'}, redis: }").unwrap();
        assert_eq!(usual.listen, Listen::At(ADDR.to_owned()));
        assert!(usual.unknown.is_empty(), "{usual:?}");
        let any = Config::parse("server: {http: {addr: ':1'}}\ndata: {mysql: {dsn: u@/d}}");
        assert_eq!(any.unwrap().listen, Listen::At("0.0.0.0:1".to_owned()));
    }

    #[test]
    fn other_keys_are_named() {
        let config = Config::parse(&format!("{WHOLE}trace: {{a: 1}}\nlog:\n")).unwrap();
        assert_eq!(config.unknown, ["trace.a", "log"]);
    }

    #[test]
    fn flaws_are_told_without_the_password() {
        for (text, said) in [
            ("", "no data.mysql.dsn"),
            ("- a", "holds no keys"),
            ("data: {mysql: {dsn: ''}}", "no data.mysql.dsn"),
            ("data: {mysql: {dsn: [hush]}}", "data.mysql.dsn is no text"),
            ("server: {http: {addr: hush}}\ndata: {mysql: {dsn: a}}", "is HOST:PORT"),
            ("data: {mysql: {dsn: 'hush}}", "no YAML"),
            ("1: 2", "no text"),
        ] {
            let refused = Config::parse(text).unwrap_err();
            assert!(refused.contains(said) && !refused.contains("hush"), "{refused}");
        }
    }
}
