//! What was started, kept in a file from one command to the next and for tests to read; the head
//! of [`super`] describes it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::process::Identity;

/// One server process, running or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The service it belongs to.
    pub(super) service: String,
    /// Its own name: the service's, with a number where there are several.
    pub(super) name: String,
    /// Where it answers, on 127.0.0.1.
    pub(super) port: u16,
    /// Where its peers reach it, if it has any.
    pub(super) peer_port: u16,
    /// None if it was stopped or killed by command.
    pub(super) identity: Option<Identity>,
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
    pub(super) command: Vec<String>,
}

impl Record {
    pub(super) fn is_running(&self) -> bool {
        self.identity.is_some_and(Identity::is_running)
    }
}

/// All there is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// This start of the system: start times of processes mean nothing in another one.
    pub(super) boot: String,
    pub(super) records: Vec<Record>,
}

impl State {
    /// Reads the file; without one, nothing was started.
    ///
    /// # Errors
    ///
    /// The file is not one that [`State::text`] wrote.
    pub(super) fn read(path: &Path, boot: &str) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}; see its rights", path.display())),
        };
        let state = Self::of(&text).ok_or_else(|| {
            let shown = path.display();
            format!("{shown} is broken; end what it names by hand and delete it")
        })?;
        Ok(state.since(boot))
    }

    /// Processes of another start of the system are gone, whatever runs under their ids now.
    fn since(mut self, boot: &str) -> Self {
        if self.boot != boot {
            boot.clone_into(&mut self.boot);
            for record in &mut self.records {
                record.identity = None;
            }
        }
        self
    }

    fn of(text: &str) -> Option<Self> {
        let table: Table = text.parse().ok()?;
        let boot = table.get("boot").map_or(Some(""), Value::as_str)?.to_owned();
        let records = match table.get("process") {
            Some(processes) => processes.as_array()?.iter().map(record).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Self { boot, records })
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("boot = {}\n", quoted(&self.boot));
        for record in &self.records {
            add(&mut text, record).expect("a String takes what is written to it");
        }
        text
    }

    /// The processes with this name, or of the service with it.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.service == name || record.name == name)
    }

    /// Whether all processes of a service run.
    pub(super) fn is_up(&self, service: &str) -> bool {
        self.named(service).next().is_some() && self.named(service).all(Record::is_running)
    }
}

fn record(value: &Value) -> Option<Record> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    let number = |key: &str| value.get(key)?.as_integer();
    let identity = match (number("pid"), number("started")) {
        (Some(pid), Some(started)) => {
            Some(Identity { pid: pid.try_into().ok()?, started: started.try_into().ok()? })
        }
        _ => None,
    };
    let words = value.get("command")?.as_array()?.iter();
    Some(Record {
        service: text("service")?,
        name: text("name")?,
        port: number("port")?.try_into().ok()?,
        peer_port: number("peer_port")?.try_into().ok()?,
        identity,
        data: text("data")?.into(),
        log: text("log")?.into(),
        command: words.map(|word| word.as_str().map(str::to_owned)).collect::<Option<_>>()?,
    })
}

fn add(text: &mut String, record: &Record) -> std::fmt::Result {
    let path = |path: &Path| quoted(&path.to_string_lossy());
    writeln!(text, "\n[[process]]")?;
    writeln!(text, "service = {}", quoted(&record.service))?;
    writeln!(text, "name = {}", quoted(&record.name))?;
    writeln!(text, "port = {}\npeer_port = {}", record.port, record.peer_port)?;
    if let Some(Identity { pid, started }) = record.identity {
        writeln!(text, "pid = {pid}\nstarted = {started}")?;
    }
    writeln!(text, "data = {}\nlog = {}", path(&record.data), path(&record.log))?;
    let words: Vec<String> = record.command.iter().map(|word| quoted(word)).collect();
    writeln!(text, "command = [{}]", words.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str) -> Record {
        Record {
            service: "redis-cluster".to_owned(),
            name: name.to_owned(),
            port: 10_001,
            peer_port: 10_002,
            identity: Identity::of(std::process::id()),
            data: "/data of \"one\"\\/".into(),
            log: "/log\u{7f}\n\t".into(),
            command: vec!["redis-server".to_owned(), String::new()],
        }
    }

    fn state(records: Vec<Record>) -> State {
        State { boot: "a".to_owned(), records }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let stopped = Record { identity: None, ..own("redis-cluster-2") };
        for written in [State::default(), state(vec![own("redis-cluster-1"), stopped])] {
            assert_eq!(State::of(&written.text()), Some(written));
        }
    }

    #[test]
    fn another_boot_leaves_no_process() {
        let read = State::of(&state(vec![own("x")]).text()).unwrap();
        assert!(read.is_up("x"));
        let read = read.since("a");
        assert!(read.is_up("x"), "the same boot");
        let later = read.since("b");
        assert_eq!((later.records[0].identity, later.is_up("x")), (None, false));
        assert_eq!(later.records[0].port, 10_001);
    }

    #[test]
    fn a_service_is_up_when_all_of_it_runs() {
        let dead = Record { identity: None, ..own("redis-cluster-2") };
        let all = state(vec![own("redis-cluster-1"), dead]);
        assert!(!all.is_up("redis-cluster") && !all.is_up("redis-cluster-2"));
        assert!(all.is_up("redis-cluster-1"));
        assert!(!all.is_up("redis"), "nothing of that name");
        assert_eq!(all.named("redis-cluster").count(), 2);
    }

    #[test]
    fn broken_files_are_no_state() {
        for broken in ["boot = 1", "process = 1", "[[process]]\nname = \"a\"", "x", "[process]"] {
            assert_eq!(State::of(broken), None, "{broken}");
        }
        let missing = Path::new("/no/such/folder/state.toml");
        assert_eq!(State::read(missing, "a").unwrap(), state(vec![]));
    }
}
